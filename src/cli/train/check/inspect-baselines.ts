/** What can be had without looking: the best single answer, and the same questions without their images. */
import { quoted } from '../../../core/quoted.ts';
import type { Sample } from '../../../core/sample.ts';
import { percent } from '../../../eval/reports/wording.ts';
import { normaliseAnswer } from '../../../judge/normalise.ts';
import { matchingAnswer } from '../../../judge/reference-match.ts';
import type { Pilot } from './pilot.ts';
import { isRight, meanShare, type Share } from './right.ts';
import { look, notChecked, type Remark, type Section, sectionOf } from './section.ts';

export type BaselineFacts = {
  /** The single answer that is right most often, by rule (`reference-match`). */
  readonly constant: { readonly answer: string; readonly right: number; readonly rows: number };
  /** Share of right answers to questions whose images are grey; null where it was not asked. */
  readonly blind: (Share & { readonly answers: number }) | null;
  /** Share of right answers to the same questions with their images. */
  readonly sighted: Share | null;
};

/** What is right of a row. */
export type RightAnswers = Pick<Sample, 'referenceAnswer' | 'accepted'>;

/** Of the most frequent answers one is right most often: others would have to gain by paraphrases. */
const candidates = 20;

/**
 * @param samples training rows that were looked at
 * @param pilot undefined where nothing was sampled
 */
export function inspectBaselines(
  samples: readonly RightAnswers[],
  pilot: Pilot | undefined,
): Section<BaselineFacts> {
  const facts: BaselineFacts = {
    constant: bestConstant(samples),
    blind: pilot === undefined ? null : blindShare(pilot),
    sighted: pilot === undefined ? null : sightedShare(pilot),
  };
  return sectionOf(facts, remarksOn(facts, pilot));
}

function bestConstant(samples: readonly RightAnswers[]): BaselineFacts['constant'] {
  const counts = new Map<string, { readonly answer: string; rows: number }>();
  for (const { referenceAnswer } of samples) {
    const form = normaliseAnswer(referenceAnswer);
    const known = counts.get(form) ?? { answer: referenceAnswer, rows: 0 };
    known.rows++;
    counts.set(form, known);
  }
  const frequent = [...counts.values()].toSorted((a, b) => b.rows - a.rows).slice(0, candidates);
  const tried = frequent.map(({ answer }) => ({
    answer,
    right: samples.filter((sample) => matchingAnswer({ ...sample, answer }) !== undefined).length,
  }));
  const [best] = tried.toSorted((a, b) => b.right - a.right);
  return { answer: best?.answer ?? '', right: best?.right ?? 0, rows: samples.length };
}

function blindShare({ blind }: Pilot): BaselineFacts['blind'] {
  const right = blind.flatMap(({ outcome }) => isRight(outcome) ?? []);
  const share = meanShare(right.map(Number));
  return share === undefined ? null : { ...share, answers: right.length };
}

/** Over the questions that were also asked without images. */
function sightedShare({ groups, blind }: Pilot): Share | null {
  const asked = new Set(blind.map(({ rollout }) => rollout.sample));
  const shares = groups.flatMap(({ rollouts }) => {
    const sample = rollouts[0]?.rollout.sample;
    if (sample === undefined || !asked.has(sample)) return [];
    const right = rollouts.flatMap(({ outcome }) => isRight(outcome) ?? []);
    return right.length === 0 ? [] : [right.filter(Boolean).length / right.length];
  });
  return meanShare(shares) ?? null;
}

function remarksOn(
  { constant, blind, sighted }: BaselineFacts,
  pilot: Pilot | undefined,
): Remark[] {
  if (pilot === undefined) {
    return [notChecked('The same questions without their images: nothing was sampled.')];
  }
  const found: Remark[] = [];
  const alone = constant.rows === 0 ? 0 : constant.right / constant.rows;
  const now = sighted?.value;
  if (now !== undefined && alone >= now) {
    found.push(
      look(
        `The answer ${quoted(constant.answer, 60)} alone is right in ${percent(alone)} of the rows, the model in ${percent(now)}: a policy that gives this answer always would look like progress.`,
      ),
    );
  }
  if (now !== undefined && blind !== null && blind.value >= now) {
    found.push(
      look(
        `Without its images the model is right as often (${percent(blind.value)}) as with them (${percent(now)}): what is learnt may not come from the images.`,
      ),
    );
  }
  return found;
}
