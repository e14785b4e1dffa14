/** Answers of two models put side by side, question by question. */
import type { PairedScore } from '../../statistics/paired.ts';
import type { JoinedAnswer } from '../results/joined-answers.ts';

export type PairedSamples = {
  /** Samples that both models were asked. */
  readonly shared: number;
  /** Those of them that have a score for both models; the figures rest on these. */
  readonly compared: number;
  readonly onlyBaseline: number;
  readonly onlyCandidate: number;
};

/** Epochs of a sample are averaged over those with a score. */
export function pairAnswers(
  baseline: readonly JoinedAnswer[],
  candidate: readonly JoinedAnswer[],
): { readonly samples: PairedSamples; readonly scores: PairedScore[] } {
  const [one, other] = [scoresOf(baseline), scoresOf(candidate)];
  const shared = [...one].filter(([id]) => other.has(id));
  const scores = shared.flatMap(([id, { cluster, scores: before }]) => {
    const after = other.get(id)?.scores ?? [];
    if (before.length === 0 || after.length === 0) return [];
    return [{ cluster, baseline: mean(before), candidate: mean(after) }];
  });
  return {
    samples: {
      shared: shared.length,
      compared: scores.length,
      onlyBaseline: one.size - shared.length,
      onlyCandidate: other.size - shared.length,
    },
    scores,
  };
}

type SampleScores = { readonly cluster: string; readonly scores: number[] };

function scoresOf(answers: readonly JoinedAnswer[]): Map<string, SampleScores> {
  const samples = new Map<string, SampleScores>();
  for (const { sample, verdict } of answers) {
    const known = samples.get(sample.id) ?? { cluster: sample.cluster, scores: [] };
    samples.set(sample.id, known);
    if (verdict?.outcome.kind === 'scored') known.scores.push(verdict.outcome.score);
  }
  return samples;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
