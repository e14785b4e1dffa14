/** The composite reward: checks by rule, then one call to the judge and one to the embedder, side by side. */
import { defined, fail } from '../core/errors.ts';
import type { FailureCause, Score } from '../core/outcome.ts';
import type { Sample } from '../core/sample.ts';
import type { Embedder } from '../judge/embedder.ts';
import type { Judge } from '../judge/judge.ts';
import type { AnswerCheck } from './answer-check.ts';
import { contradiction } from './contradiction.ts';
import { checkAnswer } from './extract.ts';
import { scoreFormat } from './format.ts';
import { scoreByJudge } from './judge-component.ts';
import { scoreModality } from './modality.ts';
import { type RewardProfile, type RewardProfileName, weightsFor } from './profile.ts';
import {
  checkReferenceAnswer,
  scoreReferenceFormat,
  scoreReferenceModality,
} from './reference-rules.ts';
import { binaryScore, type Components, componentNames } from './score.ts';
import { type FindConflict, scoreBySimilarity } from './similarity.ts';

type RewardItem = { readonly sample: Sample; readonly response: string };

export type RewardOutcome =
  /** `reward` is the weighted sum of the components, in [0, 1]. */
  | { readonly kind: 'scored'; readonly reward: number; readonly components: Components }
  /** A component that counts has failed; cause and message are those of the first that did. */
  | {
      readonly kind: 'unscored';
      readonly cause: FailureCause;
      readonly message: string;
      readonly components: Components;
    };

export type RewardFunction = {
  readonly profile: RewardProfile;
  /** One outcome per item, in the order of the items. Failures are outcomes; only a defect rejects. */
  score(items: readonly RewardItem[], signal: AbortSignal): Promise<readonly RewardOutcome[]>;
};

type Rules = {
  readonly check: (response: string, sample: Sample) => AnswerCheck;
  readonly modality: (response: string, sample: Sample) => Score;
  readonly format: (response: string) => Score;
  readonly findConflict: FindConflict;
  /** What becomes of a failure. */
  readonly settle: (score: Score) => Score;
};

const rulesOf: Readonly<Record<RewardProfileName, Rules>> = {
  'medix-r1': {
    check: checkAnswer,
    modality: scoreModality,
    format: scoreFormat,
    findConflict: contradiction,
    settle: (score) => score,
  },
  'medix-r1-reference': {
    check: (response, sample) => checkReferenceAnswer(response, solutionOf(sample)),
    modality: (response, sample) => scoreReferenceModality(response, solutionOf(sample)),
    format: scoreReferenceFormat,
    findConflict: () => undefined,
    // The paper's code turns every exception into a wrong answer. Nothing outside this profile may.
    settle: (score) =>
      score.kind === 'scored' ? score : binaryScore(false, `${score.cause}: ${score.message}`),
  },
};

/** @throws MedixError (reward) when the profile's weights are negative or do not add up to 1. */
export function createReward(parts: {
  readonly profile: RewardProfile;
  readonly judge: Judge;
  readonly embedder: Embedder;
}): RewardFunction {
  const { profile, judge, embedder } = parts;
  checkWeights(profile);
  const rules = rulesOf[profile.name];

  const score = async (items: readonly RewardItem[], signal: AbortSignal) => {
    const checks = items.map(({ response, sample }) => rules.check(response, sample));
    const questions = items.map(({ sample }) => sample.problem);
    const [judged, similar] = await Promise.all([
      scoreByJudge(checks, questions, judge, signal),
      scoreBySimilarity(checks, embedder, profile.similarity, rules.findConflict, signal),
    ]);
    return items.map(({ response, sample }, index) =>
      combine(profile, sample, {
        judge: rules.settle(defined(judged[index], 'judge score')),
        similarity: rules.settle(defined(similar[index], 'similarity score')),
        modality: rules.modality(response, sample),
        format: rules.format(response),
      }),
    );
  };
  return { profile, score };
}

function combine(profile: RewardProfile, sample: Sample, components: Components): RewardOutcome {
  const weights = weightsFor(profile, sample);
  let reward = 0;
  for (const name of componentNames) {
    if (weights[name] === 0) continue;
    const score = components[name];
    if (score.kind === 'unscored') {
      return { kind: 'unscored', cause: score.cause, message: score.message, components };
    }
    reward += weights[name] * score.value;
  }
  return { kind: 'scored', reward, components };
}

/** The data set's `solution`, from which a sample was read. */
function solutionOf({ modality, reference }: Sample): string {
  return `<${modality}>${reference}`;
}

function checkWeights({ name, weights, textOnlyComponents }: RewardProfile): void {
  const values = componentNames.map((component) => weights[component]);
  const total = values.reduce((sum, value) => sum + value, 0);
  const textOnly = textOnlyComponents.reduce((sum, component) => sum + weights[component], 0);
  if (values.every((value) => value >= 0) && Math.abs(total - 1) < 1e-9 && textOnly > 0) return;
  fail('reward', {
    where: `profile ${name}: weights`,
    expected: 'non-negative weights that add up to 1, some of them for samples without images',
    got: JSON.stringify({ ...weights, textOnlyComponents }),
    next: 'correct the weights',
  });
}
