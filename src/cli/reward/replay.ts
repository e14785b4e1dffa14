/** `medix reward replay`: what another profile or judge would have made of stored responses. */
import { z } from 'zod';
import { trainConfigSchema } from '../../config/train-config.ts';
import { inOrder } from '../../core/async/in-order.ts';
import { defined, fail } from '../../core/errors.ts';
import type { RewardFunction, RewardOutcome } from '../../reward/composite.ts';
import { requireReachable } from '../../reward/open-reward.ts';
import { readManifest } from '../../run/run-reader.ts';
import { type Estimable, requireComparableParts } from '../../train/advantages.ts';
import { type Estimation, resolveEstimation } from '../../train/algorithm.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { requireWritable, writeOut } from '../out-file.ts';
import {
  addRewardOptions,
  imageRootOption,
  openConfiguredReward,
  type RewardOptions,
  readRewardOptions,
} from './options.ts';
import {
  createReplayTally,
  type GroupScores,
  type ReplayTally,
  scoreGroups,
} from './replay-comparison.ts';
import {
  isDirectory,
  readStored,
  type StoredBatch,
  type StoredResponse,
} from './stored-responses.ts';
import { describeScorers, ledgerLines, replayReport } from './view.ts';

type Options = RewardOptions & { readonly out: string; readonly force: boolean };

export const setUpRewardReplay: SetUpCommand = (command, context) => {
  command
    .argument('<source>', 'run directory, journal of the reward service, or JSONL of rows')
    .argument('[changes...]', 'changes to the config as key=value')
    .requiredOption('--out <file>', 'JSONL of old and new rewards and advantages')
    .option('--force', 'replace an existing --out', false)
    .option(...imageRootOption)
    .addHelpText('after', help);
  addRewardOptions(command).action((source: string, words: string[], options: Options) =>
    replay(source, words, options, context),
  );
};

const help = `
A run is scored again with its own reward config and the changes given; its training rollouts are compared
with their recorded scores, group by group. Other sources start from the default config:
  journal  what medix reward serve wrote; the items of one call about the same question are a group
  rows     as for medix reward score, with the old reward in "reward" and the name of the group in "group";
           the rows of a group follow each other

A row of --out is {key, group, before: {reward, advantage}, after: {reward, advantage}}. If the new
reward is null, it also has cause and message. An advantage is null if the rollout is not trained on. A KL penalty
that a run took off its rewards (algorithm.loss.klIn=reward) is in the old advantages only.`;

/** Batches in work at once: the next ones are asked for while one waits for its last answer. */
const batchesAtOnce = 4;

const runConfig = z.looseObject({
  reward: z.object({
    profile: z.unknown(),
    judge: z.unknown(),
    embedder: z.unknown(),
    components: z.unknown().exactOptional(),
  }),
  algorithm: trainConfigSchema.shape.algorithm,
});

async function replay(
  source: string,
  words: readonly string[],
  options: Options,
  { terminal, signal }: CommandContext,
): Promise<void> {
  await requireWritable(options.out, options.force);
  const run = await readRunConfig(source);
  const base = run === undefined ? {} : { reward: run.reward };
  const config = await readRewardOptions(options, words, base);
  const estimation = resolveEstimation(
    run?.algorithm ?? trainConfigSchema.shape.algorithm.parse(undefined),
  );
  const opened = await openConfiguredReward(config);
  try {
    requireComparableParts(opened.reward.profile, estimation);
    await requireReachable(opened, signal);
    terminal.print(describeScorers(opened));
    const tally = createReplayTally();
    const { imageRoot } = options;
    const reading = { profile: opened.reward.profile, showImages: opened.seesImages, imageRoot };
    await writeOut(options.out, async (append) => {
      const scored = inOrder(
        readStored(source, reading, signal),
        (batch, inner) => scoreBatch(batch, opened.reward, inner),
        { atOnce: batchesAtOnce },
        signal,
      );
      let readable = 0;
      for await (const batch of scored) {
        readable += batch.outcomes.size;
        await append(compareBatch(batch, estimation, tally));
        terminal.showStatus(`scored ${tally.summary().rollouts} responses`);
      }
      signal.throwIfAborted();
      if (readable === 0) failNothing(source, tally.summary().rollouts);
    });
    for (const line of replayReport(tally.summary())) terminal.print(line);
    for (const line of ledgerLines(opened.ledger.summary())) terminal.print(line);
    terminal.print(`written to ${options.out}`);
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

async function readRunConfig(source: string) {
  if (!(await isDirectory(source))) return undefined;
  return runConfig.safeParse((await readManifest(source)).config).data;
}

type ScoredBatch = {
  readonly batch: StoredBatch;
  readonly outcomes: ReadonlyMap<StoredResponse, RewardOutcome>;
};

async function scoreBatch(
  batch: StoredBatch,
  reward: RewardFunction,
  signal: AbortSignal,
): Promise<ScoredBatch> {
  const readable = batch.filter(({ row }) => row.kind === 'readable');
  const items = readable.flatMap(({ row }) => (row.kind === 'readable' ? [row.item] : []));
  const scored = items.length > 0 ? await reward.score(items, signal) : [];
  signal.throwIfAborted();
  const outcomes = new Map<StoredResponse, RewardOutcome>();
  for (const [i, outcome] of scored.entries()) {
    const stored = readable[i];
    if (stored !== undefined) outcomes.set(stored, outcome);
  }
  return { batch, outcomes };
}

/** @returns lines of the output. */
function compareBatch(
  { batch, outcomes }: ScoredBatch,
  estimation: Estimation,
  tally: ReplayTally,
): string {
  const groups = groupsOf(batch);
  const before = recordedScores(groups, estimation);
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
function recordedScores(groups: readonly StoredBatch[], estimation: Estimation): GroupScores[] {
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
