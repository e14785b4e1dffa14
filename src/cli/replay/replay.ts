/** `medix replay`: what another reward, judge or algorithm would have made of stored responses, without sampling. */
import { formatFields, listFields } from '../../config/field-list.ts';
import { inOrder } from '../../core/async/in-order.ts';
import { defined, fail } from '../../core/errors.ts';
import type { RewardOutcome } from '../../reward/composite.ts';
import { requireReachable } from '../../reward/open-reward.ts';
import { packageVersion } from '../../run/run-facts.ts';
import { readManifest } from '../../run/run-reader.ts';
import { type Estimable, requireComparableParts } from '../../train/advantages.ts';
import type { Estimation } from '../../train/algorithm.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { requireWritable, writeOut } from '../out-file.ts';
import {
  addRewardOptions,
  imageRootOption,
  openConfiguredReward,
  type RewardOptions,
} from '../reward/options.ts';
import { describeScorers, ledgerLines } from '../reward/view.ts';
import {
  createReplayTally,
  type GroupScores,
  type ReplayTally,
  scoreGroups,
} from './comparison.ts';
import { type RecordedScores, recordedScores } from './recorded-scores.ts';
import { algorithmSchema, readReplayConfig } from './replay-config.ts';
import { replayReport } from './report.ts';
import { type ScoredBatch, scoreBatch } from './score-batch.ts';
import {
  isDirectory,
  readStored,
  type StoredBatch,
  type StoredResponse,
} from './stored-responses.ts';

type Options = RewardOptions & {
  readonly out?: string;
  readonly force: boolean;
  readonly askAgain: boolean;
};

export const setUpReplay: SetUpCommand = (command, context) => {
  command
    .argument('<source>', 'run directory, journal of the reward service, or JSONL of rows')
    .argument('[changes...]', 'changes to the config as key=value')
    .option('--out <file>', 'JSONL of old and new rewards and advantages (default: none)')
    .option('--force', 'replace an existing --out', false)
    .option(
      '--ask-again',
      'ask judge and embedder also where the recorded scores of a run still hold; what is in reward.judge.cache counts as answered',
      false,
    )
    .option(...imageRootOption)
    .addHelpText('after', help);
  addRewardOptions(command).action((source: string, words: string[], options: Options) =>
    replay(source, words, options, context),
  );
};

const help = () => `
The training rollouts of a run are scored with its own reward and algorithm and the changes given, and compared
with what is on record, group by group. Changes are key=value:
  profile.<field>    a field of the reward profile, e.g. profile.weights={judge: 0.7, similarity: 0.2, modality: 0.05, format: 0.05}
                     or profile.similarity.at=0.7
  reward.<field>     another profile, judge or embedder
  algorithm.<field>  another advantage or filter, e.g. algorithm.advantage=rloo
Where judge, embedder and the way answers are read stay the same, recorded scores are taken and nobody is asked.
Other sources start from the default config:
  journal  what medix reward serve wrote; the items of one call about the same question are a group
  rows     as for medix reward score, with the old reward in "reward" and the name of the group in "group";
           the rows of a group follow each other

A row of --out is {key, group, before: {reward, advantage}, after: {reward, advantage}}. If the new
reward is null, it also has cause and message. An advantage is null if the rollout is not trained on. A KL penalty
that a run took off its rewards (algorithm.loss.klIn=reward) is in the old advantages only.

Fields of the algorithm; a replay uses preset, advantage, passAtK and filter:
${formatFields(listFields(algorithmSchema))}`;

/** Batches in work at once: the next ones are asked for while one waits for its last answer. */
const batchesAtOnce = 4;

async function replay(
  source: string,
  words: readonly string[],
  options: Options,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const { out, imageRoot } = options;
  if (out !== undefined) await requireWritable(out, options.force);
  const manifest = (await isDirectory(source)) ? await readManifest(source) : undefined;
  const config = await readReplayConfig(options, words, manifest);
  const { estimation } = config;
  const opened = await openConfiguredReward(config.reward, config.profileChanges);
  try {
    const { reward } = opened;
    requireComparableParts(reward.profile, estimation);
    terminal.print(describeScorers(opened));
    const known: RecordedScores =
      manifest === undefined || options.askAgain
        ? () => undefined
        : recordedScores(manifest.facts, opened, await packageVersion());
    let reached: Promise<void> | undefined;
    const reach = () => {
      reached ??= requireReachable(opened, signal);
      return reached;
    };
    const scoring = { reward, known, reach };
    const tally = createReplayTally();
    const counts = { readable: 0, recorded: 0 };
    const reading = { profile: reward.profile, showImages: opened.seesImages, imageRoot };
    const compare = async (append: (lines: string) => Promise<unknown>) => {
      const scored = inOrder(
        readStored(source, reading, signal),
        (batch, inner) => scoreBatch(batch, scoring, inner),
        { atOnce: batchesAtOnce },
        signal,
      );
      for await (const batch of scored) {
        counts.readable += batch.outcomes.size;
        counts.recorded += batch.recorded;
        await append(compareBatch(batch, estimation, tally));
        terminal.showStatus(`scored ${tally.summary().rollouts} responses`);
      }
      signal.throwIfAborted();
      if (counts.readable === 0) failNothing(source, tally.summary().rollouts);
    };
    if (out === undefined) await compare(async () => {});
    else await writeOut(out, compare);
    for (const line of replayReport(tally.summary(), counts)) terminal.print(line);
    for (const line of ledgerLines(opened.ledger.summary())) terminal.print(line);
    if (out !== undefined) terminal.print(`written to ${out}`);
  } finally {
    await opened.close();
  }
}

function failNothing(source: string, unreadable: number): never {
  fail('data', {
    where: source,
    expected: 'stored responses to score again',
    got: unreadable === 0 ? 'none' : `${unreadable}, none of which can be read`,
    next: 'give a run, a journal or a file of responses; medix reward score tells what is wrong with a row',
  });
}

/** @returns lines of the output. */
function compareBatch(
  { batch, outcomes }: ScoredBatch,
  estimation: Estimation,
  tally: ReplayTally,
): string {
  const groups = groupsOf(batch);
  const before = scoresBefore(groups, estimation);
  const after = scoreGroups(
    groups.map((group) => group.map((stored) => estimable(stored, outcomes.get(stored)))),
    estimation,
  );
  const lines = groups.flatMap((group, g) => {
    const was = defined(before[g], 'recorded scores');
    const is = defined(after[g], 'new scores');
    tally.add(was, is);
    return group.map((stored, i) =>
      JSON.stringify({
        key: stored.key,
        group: stored.group,
        before: { reward: was.rewards[i], advantage: was.advantages[i] },
        after: {
          reward: is.rewards[i],
          advantage: is.advantages[i],
          ...failureOf(stored, outcomes.get(stored)),
        },
      }),
    );
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** In the order in which each group first comes up. */
function groupsOf(batch: StoredBatch): StoredBatch[] {
  const groups = new Map<string, StoredResponse[]>();
  for (const stored of batch) {
    const known = groups.get(stored.group);
    if (known === undefined) groups.set(stored.group, [stored]);
    else known.push(stored);
  }
  return [...groups.values()];
}

/** As recorded; where the source has rewards only, what they would have come to. */
function scoresBefore(groups: readonly StoredBatch[], estimation: Estimation): GroupScores[] {
  const estimated = scoreGroups(
    groups.map((group) =>
      group.map(({ reward, tokens }) => (reward === null ? undefined : { reward, tokens })),
    ),
    estimation,
  );
  return estimated.map((scores, g) => {
    const recorded = defined(groups[g], 'group').map(({ advantage }) => advantage);
    if (recorded.some((advantage) => advantage === undefined)) return scores;
    const advantages = recorded.map((advantage) => advantage ?? null);
    return { ...scores, advantages, isKept: advantages.some((advantage) => advantage !== null) };
  });
}

function estimable(
  { tokens }: StoredResponse,
  outcome: RewardOutcome | undefined,
): Estimable | undefined {
  return outcome?.kind === 'scored' ? { ...outcome, tokens } : undefined;
}

/** Why there is no new reward; empty where there is one. */
function failureOf({ row }: StoredResponse, outcome: RewardOutcome | undefined) {
  if (row.kind === 'malformed') return { cause: 'malformed', message: row.message };
  if (outcome?.kind !== 'unscored') return {};
  return { cause: outcome.cause, message: outcome.message };
}
