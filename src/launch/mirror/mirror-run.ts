/** Writes what a job tells into a run directory, so that every command for runs works on it. */
import type { TrainConfig } from '../../config/train-config.ts';
import { digestOf } from '../../core/digest.ts';
import { modalities } from '../../core/modality.ts';
import type { RolloutLine } from '../../run/records.ts';
import type { RunWriter } from '../../run/run-writer.ts';
import type { LaunchTrainer } from '../trainers/cluster.ts';
import type { JobRecord } from './job-records.ts';

type Rollout = Extract<JobRecord, { kind: 'rollout' }>;

/** Metrics of a trainer that are measured as ours are, by their names; the others keep theirs behind its name. */
const sameMetrics: Readonly<Record<LaunchTrainer, Readonly<Record<string, string>>>> = {
  easyr1: {
    'reward/overall': 'reward/mean',
    'reward/accuracy': 'reward/judge/mean',
    'reward/similarity': 'reward/similarity/mean',
    'reward/modality': 'reward/modality/mean',
    'reward/format': 'reward/format/mean',
    'val/reward_score': 'validation/reward/mean',
    'response_length/mean': 'rollout/completionTokens',
    'response_length/clip_ratio': 'rollout/truncated',
  },
  verl: {
    'critic/score/mean': 'reward/mean',
    'response_length/mean': 'rollout/completionTokens',
    'response_length/clip_ratio': 'rollout/truncated',
    'val-core/medix/reward/mean@1': 'validation/reward/mean',
  },
};

export type Mirror = {
  /** Takes records in the order of the log. */
  readonly take: (record: JobRecord) => Promise<void>;
  /** Iteration of the last metrics that were written. */
  readonly lastIteration: () => number | undefined;
};

/** @param from Records up to this iteration are in the run already. @default none are */
export function createMirror(
  run: RunWriter,
  trainer: LaunchTrainer,
  config: TrainConfig,
  from = -1,
): Mirror {
  let last = from;
  let validated: number | null = null;
  let waiting: Rollout[] = [];
  const numbers = new Map<string, number>();
  const isKnown = (step: number) => step <= last;

  const writeWaiting = async (step: number) => {
    const due = waiting.filter((one) => one.step === step);
    waiting = [];
    for (const kind of ['training', 'validation'] as const) {
      const chosen = due.filter(
        ({ split }) => (split === 'validation') === (kind === 'validation'),
      );
      if (chosen.length === 0) continue;
      const lines = chosen.map((one) => rolloutLine(one, kind, numbers, config));
      await run.writeRollouts(step, kind, lines);
    }
  };

  return {
    lastIteration: () => (last === from ? undefined : last),
    take: async (record) => {
      if (record.kind === 'begun' || record.kind === 'ended') return;
      if (record.kind === 'checkpoint') {
        // Told after the metrics of its iteration; of an earlier one it is known.
        if (record.step < from || record.step <= (run.lastCheckpoint ?? 0)) return;
        const { step: iteration, path } = record;
        await run.writeCheckpoint(
          { iteration, score: validated, scoredBy: 'highest validation/reward/mean', trainer: {} },
          async () => ({ engine: trainer, path }),
          config.checkpoint.keepLast,
        );
        return;
      }
      if (isKnown(record.step)) return;
      if (record.kind === 'rollout') {
        waiting.push(record);
        return;
      }
      const { step, values } = record;
      await writeWaiting(step);
      const own = namedMetrics(trainer, values);
      validated = own['validation/reward/mean'] ?? validated;
      await run.writeMetrics(step, own);
      last = step;
    },
  };
}

function namedMetrics(
  trainer: LaunchTrainer,
  values: Readonly<Record<string, number | null>>,
): Record<string, number | null> {
  const named: Record<string, number | null> = {};
  for (const [name, value] of Object.entries(values)) {
    named[sameMetrics[trainer][name] ?? `${trainer}/${name}`] = value;
  }
  return named;
}

function rolloutLine(
  record: Rollout,
  kind: 'training' | 'validation',
  numbers: Map<string, number>,
  { rollout }: TrainConfig,
): Omit<RolloutLine, 'attempt' | 'iteration'> {
  const {
    step,
    sample,
    ground_truth: truth,
    question,
    accepted,
    rubric,
    response,
    tokens,
  } = record;
  const { result } = record;
  const sampleId = sample ?? `unnamed/${digestOf(truth).slice(0, 16)}`;
  const group = `${step}/${sampleId}`;
  const number = numbers.get(group) ?? 0;
  numbers.set(group, number + 1);
  const [, tag, answer = truth] = /^<(\w+)>([\s\S]*)$/.exec(truth) ?? [];
  const modality = modalities.find((known) => known === tag);
  const isScored = result.kind === 'scored' && typeof result.reward === 'number';
  return {
    key: `${group}/${number}`,
    sampleId,
    ...(question === undefined ? {} : { question }),
    reference: modality === undefined ? truth : answer,
    ...(accepted === undefined ? {} : { accepted }),
    ...(rubric === undefined ? {} : { rubric }),
    ...(modality === undefined ? {} : { modality }),
    completion: response,
    completionTokens: tokens,
    stopReason: tokens >= rollout.maxCompletionTokens ? 'length' : 'stop',
    logprob: null,
    reward: isScored ? (result.reward ?? null) : null,
    components: result.components,
    // The trainer keeps it to itself.
    advantage: null,
    use: kind === 'validation' ? 'validation' : isScored ? 'trained' : 'unscored',
  };
}
