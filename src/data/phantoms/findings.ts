import { defined } from '../../core/errors.ts';
import type { Rng } from '../../core/rng.ts';
import type { Anatomy, Attribute, FindingKind, Side, Size } from './anatomy.ts';

/** What is true of one study. A study holds one kind of finding, or none. */
export type Findings = {
  /** Undefined where the study is normal. */
  readonly finding: FindingKind | undefined;
  readonly side: Side;
  readonly level: 0 | 1;
  readonly count: number;
  readonly size: Size;
};

/** Draws every attribute uniformly, so that no answer is likelier than another. */
export function drawFindings(rng: Rng, finding: FindingKind | undefined): Findings {
  return {
    finding,
    side: rng.pick(['left', 'right'] as const),
    level: rng.pick([0, 1] as const),
    count: finding && shows(finding, 'count') ? 1 + rng.integer(finding.maxCount) : 1,
    size: rng.pick(['small', 'large'] as const),
  };
}

export function shows(finding: FindingKind, attribute: Attribute): boolean {
  return finding.attributes.includes(attribute);
}

const numerals = ['zero', 'one', 'two', 'three', 'four', 'five'];

/** The English numeral of 0 to 5. */
export function numeral(count: number): string {
  return defined(numerals[count], `the numeral of ${count}`);
}

/** As in "a nodule", "cardiomegaly". */
export function withArticle({ article, name }: FindingKind): string {
  return article === '' ? name : `${article} ${name}`;
}

/** A finding's name in the number that the study shows. */
export function nameOf(finding: FindingKind, count: number): string {
  return count > 1 ? finding.plural : finding.name;
}

/** As in "left upper lung": the most exact place that can be read off the image, if any. */
function placeOf(anatomy: Anatomy, findings: Findings): string | undefined {
  const { finding, side, level } = findings;
  if (!finding) return undefined;
  const hasLevel = shows(finding, 'level');
  if (shows(finding, 'side')) {
    return hasLevel
      ? `${side} ${anatomy.levels[level]} ${anatomy.levelled}`
      : `${side} ${anatomy.sided}`;
  }
  return hasLevel ? `${anatomy.levels[level]} ${anatomy.levelled}` : undefined;
}

/** All that can be read off the image, as in "two nodules in the left lung" or "no abnormality". */
export function describe(anatomy: Anatomy, findings: Findings): string {
  const { finding, side } = findings;
  if (!finding)
    return anatomy.sideIsOfView ? `a normal ${side} ${anatomy.sided}` : 'no abnormality';
  const place = placeOf(anatomy, findings);
  const noun = nounOf(finding, findings);
  return place === undefined ? noun : `${noun} in the ${place}`;
}

function nounOf(finding: FindingKind, { count, size }: Findings): string {
  if (shows(finding, 'count')) return `${numeral(count)} ${nameOf(finding, count)}`;
  return shows(finding, 'size') ? `a ${size} ${finding.name}` : withArticle(finding);
}
