/** Training events as lines for people. */
import type { RejectedRows } from '../../data/read.ts';
import type { TrainEvent } from '../../train/events.ts';
import type { IterationReport, RunObserver } from '../../train/observers.ts';
import { peakMemory } from '../../train/usage-meter.ts';
import type { Terminal } from '../terminal.ts';

type Values = IterationReport['values'];

/** What an iteration's line shows, in order: metric key, label, digits after the point. */
const columns: readonly (readonly [key: string, label: string, digits: number])[] = [
  ['sft/loss', 'loss', 4],
  ['reward/mean', 'reward', 3],
  ['reward/judge/mean', 'judge', 3],
  ['reward/format/mean', 'format', 3],
  ['reward/unscored', 'unscored', 3],
  ['rollout/groupsTrained', 'groups kept', 2],
  ['rollout/completionTokens', 'tokens', 1],
  ['update/gradNorm', 'grad norm', 3],
  ['validation/loss', 'validation loss', 4],
  ['validation/reward/mean', 'validation reward', 3],
  ['validation/reward/judge/mean', 'validation judge', 3],
  ['time/iterationMs', 'ms', 0],
];

export function terminalObserver(terminal: Terminal): RunObserver {
  const hintOn = rewardWatch();
  return {
    name: 'terminal',
    event: (_, event) => terminal.print(describe(event)),
    sampling: ({ iteration, done, of }) =>
      terminal.showStatus(`iteration ${iteration}: sampled ${done}/${of} groups`),
    iteration: ({ iteration, iterations, values }) => {
      terminal.print(`${iteration}/${iterations}  ${describeValues(values)}`);
      const hint = hintOn(values);
      if (hint !== undefined) terminal.print(hint);
    },
  };
}

/** Iterations without any reward after which the user is told. */
const patience = 10;
/** A share of truncated completions that explains a reward of 0. */
const manyTruncated = 0.5;

/** Told once in a row of iterations whose mean reward is 0: such a run learns nothing. */
function rewardWatch(): (values: Values) => string | undefined {
  let without = 0;
  return (values) => {
    const reward = values['reward/mean'];
    if (reward === undefined || reward === null) return undefined;
    without = reward === 0 ? without + 1 : 0;
    if (without !== patience) return undefined;
    const truncated = values['rollout/truncated'] ?? 0;
    const first =
      truncated >= manyTruncated
        ? `${Math.round(100 * truncated)} % of the completions are cut off: raise rollout.maxCompletionTokens. Else read`
        : 'Read';
    return `warning: no completion had a reward in the last ${patience} iterations, so there is nothing to learn from. ${first} a few completions in rollouts/, or ask \`medix reward explain\` about one. If they lack the format, name it in the prompt (data.template) or fine-tune the model first (medix sft); if they are wrong, begin with easier questions; if they are right, look at the judge and at the reference answers.`;
  };
}

/** The first few rows that could not be used, and how many there are. */
export function reportRejectedRows(terminal: Terminal, { first, count }: RejectedRows): void {
  for (const { file, row, id, problem } of first.slice(0, 5)) {
    terminal.print(`left out ${file}: row ${row} (${id}): ${problem}`);
  }
  if (count > 5) terminal.print(`left out ${count} rows in all`);
}

function describe(event: TrainEvent): string {
  switch (event.kind) {
    case 'started':
      return `${event.iteration === 0 ? 'training' : `resuming after iteration ${event.iteration} with`} ${event.model} (${event.parameters.toLocaleString('en')} parameters${event.setup === undefined ? '' : `; ${event.setup}`}), ${event.iterations} iterations`;
    case 'prompt-rejected':
      return `skipped ${event.problem}`;
    case 'rescored':
      return `${event.unscored} rollouts could not be scored; after a second attempt ${event.stillUnscored} still have no score`;
    case 'short-iteration':
      return `only ${event.groups} of ${event.wanted} groups were left to train on`;
    case 'step-skipped':
      return event.reason === 'no-groups'
        ? 'no optimizer step: every group was left out'
        : 'no optimizer step: the gradient was not finite';
    case 'sampler-gap':
      return `warning: the logprobs of sampler and trainer differ by ${event.gap.toFixed(3)} on average, more than ${event.limit}; see algorithm.samplerCorrection`;
    case 'ended-early':
      return event.reason === 'time'
        ? 'ended early: time is up'
        : 'ended early: no validation was better for as long as validation.patience says';
    case 'alarm':
      return `ALARM ${event.title}: ${event.inWords}`;
    case 'paused':
      return `paused because of the alarm ${event.alarm}`;
    case 'checkpoint':
      return `checkpoint (${event.reason})`;
    case 'observer-failed':
      return `warning: ${event.name} failed and may miss a part of this run: ${event.message}`;
    case 'observer-failures':
      return `warning: ${event.name} failed ${event.times} times in all`;
  }
}

function describeValues(values: Values): string {
  return columns
    .flatMap(([key, label, digits]) => {
      const value = values[key];
      if (value === undefined || value === null) return [];
      return key === 'reward/unscored' && value === 0 ? [] : [`${label} ${value.toFixed(digits)}`];
    })
    .concat(sampledValues(values))
    .join('  ');
}

/** Their keys hold how many answers were sampled. */
function sampledValues(values: Values): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const name = /^validation\/((?:pass|maj)@\d+)$/.exec(key)?.[1];
    return name === undefined || value === null ? [] : [`${name} ${value.toFixed(3)}`];
  });
}

/** The most memory that this process has had, to be held against what was planned. */
export function peakMemoryLine(): string {
  const gibibytes = peakMemory() / 2 ** 30;
  return `peak memory ${gibibytes.toFixed(1)} GiB`;
}
