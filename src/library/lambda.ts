/**
 * `medix-r1/lambda`: the reward as the grader of Amazon Bedrock's reinforcement fine-tuning, which calls an AWS Lambda
 * function with a list of samples. `handler` is that function; MEDIX_REWARD_CONFIG names a file as for
 * `medix reward serve`.
 */
import { z } from 'zod';
import { readRewardConfigPath, readSecrets } from '../config/environment.ts';
import { readConfig } from '../config/read-config.ts';
import { rewardServiceSchema } from '../config/reward-service-config.ts';
import { systemClock } from '../core/async/clock.ts';
import { fail } from '../core/errors.ts';
import { given } from '../core/given.ts';
import { type OpenedReward, openReward } from '../reward/open-reward.ts';
import { readItem } from '../server/reward/read-item.ts';

const contentSchema = z.union([
  z.string(),
  z.array(z.looseObject({ text: z.string().optional() })),
]);

const truthSchema = z.union([
  z.string().transform((ground_truth) => ({ ground_truth })),
  z.looseObject({
    ground_truth: z.string(),
    question: z.string().optional(),
    accepted: z.array(z.string()).optional(),
    rubric: z.unknown().optional(),
    reading: z.string().optional(),
  }),
]);

const conversation = {
  id: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: contentSchema })).min(1),
};

/** For Nova models the right answer stands beside the conversation, for others among the sample's metadata. */
const sampleSchema = z.union([
  z.looseObject({ ...conversation, reference_answer: truthSchema }),
  z
    .looseObject({ ...conversation, metadata: z.looseObject({ reference_answer: truthSchema }) })
    .transform(({ metadata, ...sample }) => ({
      ...sample,
      reference_answer: metadata.reference_answer,
    })),
]);

type Truth = {
  readonly ground_truth: string;
  readonly question?: string | undefined;
  readonly accepted?: readonly string[] | undefined;
  readonly rubric?: unknown;
  readonly reading?: string | undefined;
};

/** A sample as Bedrock sends it: the conversation ends with the answer of the model. */
export type LambdaSample = z.input<typeof sampleSchema>;

/** What Bedrock takes for one sample. */
export type LambdaScore = {
  readonly id: string;
  /** The reward, in [0, 1]. */
  readonly aggregate_reward_score: number;
  readonly metrics_list: readonly {
    readonly name: string;
    readonly value: number;
    readonly type: 'Reward' | 'Metric';
  }[];
};

/**
 * Scores a list of samples, or one. `reference_answer` is the right answer with its tag (`<CT_SCAN>liver`), or an object
 * with `ground_truth` and, where there are some, `question`, `accepted`, `rubric` and `reading`; else the question is the last
 * text of the user.
 * @throws MedixError 'reward' where one sample is malformed or has no reward: Bedrock knows no missing score, and a 0
 *   would teach that a right answer was wrong.
 */
export async function scoreSamples(
  { reward }: Pick<OpenedReward, 'reward'>,
  event: unknown,
  signal: AbortSignal = new AbortController().signal,
): Promise<LambdaScore[]> {
  const parsed = z.array(sampleSchema).safeParse(Array.isArray(event) ? event : [event]);
  if (!parsed.success) {
    return refuse(
      'event',
      'a list of samples with id, messages and reference_answer, which may be in metadata',
      z.prettifyError(parsed.error),
    );
  }
  const items = parsed.data.map((sample, place) => {
    const { id, messages } = sample;
    const response = messages.at(-1);
    if (response?.role !== 'assistant') {
      return refuse(
        `sample ${id}`,
        'an answer of the assistant as its last message',
        response?.role ?? 'none',
      );
    }
    const truth: Truth = sample.reference_answer;
    const asked = messages.findLast(({ role }) => role === 'user');
    const raw = {
      id,
      response: textOf(response.content),
      ground_truth: truth.ground_truth,
      question: truth.question ?? (asked === undefined ? '' : textOf(asked.content)),
      ...given({ accepted: truth.accepted, rubric: truth.rubric, reading: truth.reading }),
    };
    const read = readItem(raw, place, { profile: reward.profile, needsImages: false });
    return read.kind === 'readable'
      ? read
      : refuse(`sample ${id}`, 'a sample that can be scored', read.message);
  });
  const outcomes = await reward.score(
    items.map(({ item }) => item),
    signal,
  );
  return outcomes.map((outcome, place) => {
    const id = items[place]?.id ?? String(place);
    if (outcome.kind === 'unscored') {
      return refuse(`sample ${id}`, 'a reward', `${outcome.cause}: ${outcome.message}`);
    }
    const metrics = Object.entries(outcome.components).flatMap(([name, score]) =>
      score.kind === 'scored' ? [{ name, value: score.value, type: 'Metric' as const }] : [],
    );
    return { id, aggregate_reward_score: outcome.reward, metrics_list: metrics };
  });
}

function textOf(content: z.output<typeof contentSchema>): string {
  return typeof content === 'string' ? content : content.map(({ text = '' }) => text).join('');
}

function refuse(where: string, expected: string, got: string): never {
  return fail('reward', {
    where,
    expected,
    got,
    next: 'see the log of the function; the job can be started again',
  });
}

let opened: Promise<OpenedReward> | undefined;

/** The function that Bedrock calls; judge and embedder are opened by the first call and kept. */
export async function handler(event: unknown): Promise<LambdaScore[]> {
  opened ??= openConfigured();
  try {
    return await scoreSamples(await opened, event);
  } catch (error) {
    // What could not be opened is tried again by the next call.
    opened.catch(() => {
      opened = undefined;
    });
    throw error;
  }
}

async function openConfigured(): Promise<OpenedReward> {
  const base = readRewardConfigPath();
  const { reward } = await readConfig(rewardServiceSchema, {
    ...(base === undefined ? {} : { base }),
    overrides: [],
  });
  return openReward(reward, { secrets: readSecrets(reward), seed: 1, clock: systemClock });
}
