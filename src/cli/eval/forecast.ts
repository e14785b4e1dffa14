/**
 * `medix eval forecast`: estimates what a whole evaluation takes by running a small part of it, the pilot.
 */
import { type EvalConfig, evalConfigSchema } from '../../config/eval-config.ts';
import { isChatJudge } from '../../config/judge-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { type Evaluation, openEvaluation } from '../../eval/evaluation/open-evaluation.ts';
import { openReachableJudging, runGenerate, runJudge } from '../../eval/evaluation/run-stages.ts';
import {
  type ForecastPlan,
  forecast,
  formatForecast,
  pilotSize,
} from '../../eval/forecast/forecast.ts';
import {
  type MeasuredJudging,
  measureJudging,
  pilotOfAnswers,
  remainingOf,
} from '../../eval/forecast/pilot.ts';
import { missingAnswers } from '../../eval/results/failures.ts';
import {
  isNotApplicable,
  type JoinedAnswer,
  readJoinedAnswers,
} from '../../eval/results/joined-answers.ts';
import { readEvalManifest } from '../../eval/results/layout.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { fieldsHelp } from '../config-arguments.ts';
import { describeCauses } from './missing.ts';
import { readEvalConfig } from './read-eval-config.ts';
import { describeEnd, stageContext } from './view.ts';

export const setUpEvalForecast: SetUpCommand = (command, context) => {
  command
    .argument('[config...]', 'config file and key=value changes')
    .option('--resume <directory>', 'take the config from an existing results folder')
    .addHelpText('after', fieldsHelp(evalConfigSchema, notes))
    .action(async (words: string[], { resume }: { resume?: string }) => {
      await runPilot(await readEvalConfig(words, resume), context);
    });
};

const notes = [
  `About ${pilotSize} questions, spread over the tasks, are answered and judged, one verdict at a time. The`,
  'results stay in the results folder, and `medix eval run` continues from there.',
];

async function runPilot(config: EvalConfig, context: CommandContext): Promise<void> {
  const stages = stageContext(context);
  const evaluation = await openEvaluation(config, { generates: true, judges: true });
  const judging = await openReachableJudging(evaluation, stages);
  const measured = measureJudging(judging, systemClock);
  const most = Math.ceil(pilotSize / evaluation.tasks.length);
  let batchMs: number | null = null;
  try {
    const startedAt = systemClock.now();
    const end = await runGenerate(evaluation, stages, most);
    if (end.done > 0) batchMs = (systemClock.now() - startedAt) / end.done;
    print('generate', end, context);
    if (end.failed > 0) await printCauses(evaluation, context);
  } catch (error) {
    await judging.close();
    throw error;
  }
  print(
    'judge',
    await runJudge(evaluation, measured.judging, stages, { most, window: 1 }),
    context,
  );
  for (const line of await describeForecasts(config, measured, batchMs)) {
    context.terminal.print(line);
  }
}

async function describeForecasts(
  config: EvalConfig,
  { taken }: MeasuredJudging,
  batchMs: number | null,
): Promise<string[]> {
  const { model, judging } = config;
  const answers = await readAnswers(config);
  const { ledger } = await readEvalManifest(config.out);
  const left = remainingOf(answers);
  const requests = ledger['model']?.requests ?? 0;
  const pilot =
    model.kind === 'openai'
      ? pilotOfAnswers(answers, requests)
      : pilotOfAnswers(answers, requests, batchMs);
  const plan: Omit<ForecastPlan, 'remaining'> =
    model.kind === 'openai'
      ? { atOnce: model.concurrency, prices: model.prices }
      : { atOnce: 1, prices: null };
  const lines =
    pilot.length > 0
      ? formatForecast('answers', forecast(pilot, { ...plan, remaining: left.answers }))
      : ['no forecast for the answers, because no question of the pilot was answered'];
  for (const [index, judge] of judging.judges.entries()) {
    const use = judging.judges.length === 1 ? 'judge' : `judge/${index + 1}`;
    const items = taken.get(use) ?? [];
    if (!isChatJudge(judge) || items.length === 0) continue;
    const atOnce = judge.kind === 'openai' ? judge.concurrency : 1;
    const { prices } = judge;
    const found = forecast(items, { remaining: left.verdicts, atOnce, prices });
    lines.push(...formatForecast(`verdicts of ${use}`, found));
  }
  return lines;
}

async function readAnswers({
  out,
  judging,
  variants,
  sampling,
}: EvalConfig): Promise<JoinedAnswer[]> {
  const { tasks } = await readEvalManifest(out);
  const expected = { variants, epochs: sampling.epochs };
  const answers: JoinedAnswer[] = [];
  for (const task of Object.keys(tasks)) {
    for (const one of await readJoinedAnswers(out, judging.name, task, expected)) {
      if (!isNotApplicable(one)) answers.push(one);
    }
  }
  return answers;
}

/** Of the pilot: what it did not ask is not missing. */
async function printCauses(
  { config, tasks }: Evaluation,
  { terminal }: CommandContext,
): Promise<void> {
  const expected = { variants: config.variants, epochs: config.sampling.epochs };
  const ids = tasks.map(({ id }) => id);
  const { kinds } = await missingAnswers(config.out, ids, expected);
  const asked = kinds.filter(({ cause }) => cause !== 'not-asked');
  const missing = asked.reduce((sum, { count }) => sum + count, 0);
  for (const line of describeCauses('answer', { missing, kinds: asked })) terminal.print(line);
}

function print(
  stage: 'generate' | 'judge',
  end: Awaited<ReturnType<typeof runGenerate>>,
  { terminal }: CommandContext,
): void {
  for (const line of describeEnd(stage, end)) terminal.print(line);
}
