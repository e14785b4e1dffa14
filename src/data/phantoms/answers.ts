import { type Anatomy, type FindingKind, otherLevel, otherSide, otherSize } from './anatomy.ts';
import { describe, type Findings, nameOf, numeral, shows, withArticle } from './findings.ts';

/** A reference answer, other wordings of it, and answers that look alike but are wrong. */
export type Answer = {
  readonly referenceAnswer: string;
  /** Without the reference. */
  readonly accepted: readonly string[];
  readonly nearMisses: readonly string[];
};

/** The first is the reference. */
type Wordings = readonly [string, ...string[]];

const normal = ['normal', 'no abnormality', 'no abnormality seen', 'unremarkable', 'none'] as const;

export function findingAnswer(anatomy: Anatomy, findings: Findings): Answer {
  const { finding } = findings;
  const others = anatomy.findings.filter((kind) => kind !== finding);
  if (!finding) {
    return answer(
      [...normal, describe(anatomy, findings)],
      others.map((kind) => kind.name),
      ['abnormal', 'not normal'],
    );
  }
  const { side, size, count } = findings;
  const name = nameOf(finding, count);
  const names: [string, ...string[]] = [
    name,
    finding.name,
    finding.plural,
    withArticle(finding),
    ...finding.synonyms,
  ];
  const misses = [`no ${name}`, normal[0], ...others.map((kind) => kind.name)];
  if (shows(finding, 'side')) {
    names.push(`${side} ${name}`);
    misses.push(`${otherSide(side)} ${name}`);
  }
  if (shows(finding, 'size')) {
    names.push(`${size} ${name}`, `a ${size} ${name}`);
    misses.push(`${otherSize(size)} ${name}`);
  }
  if (shows(finding, 'count')) {
    names.push(`${numeral(count)} ${name}`);
    misses.push(...otherCounts(finding, count).map((n) => `${numeral(n)} ${nameOf(finding, n)}`));
  }
  return answer([...names, describe(anatomy, findings)], misses);
}

export function yesNoAnswer(yes: boolean): Answer {
  const affirmed: Wordings = ['yes', 'yes, it is'];
  const denied: Wordings = ['no', 'no, it is not'];
  return yes ? answer(affirmed, denied) : answer(denied, affirmed);
}

export function sideAnswer(anatomy: Anatomy, { side }: Findings): Answer {
  const wordings = (s: string): Wordings => [
    s,
    `${s} side`,
    `the ${s} side`,
    `on the ${s}`,
    `${s}-sided`,
    `${s} ${anatomy.sided}`,
    `the ${s} ${anatomy.sided}`,
  ];
  return answer(wordings(side), wordings(otherSide(side)), ['both sides', `not ${side}`]);
}

export function levelAnswer(anatomy: Anatomy, { level }: Findings): Answer {
  const wordings = (word: string): Wordings => [
    word,
    `${word} ${anatomy.levelled}`,
    `the ${word} ${anatomy.levelled}`,
    `${word} part`,
    `the ${word} part`,
  ];
  const [here, there] = [anatomy.levels[level], anatomy.levels[otherLevel(level)]];
  return answer(wordings(here), wordings(there), [`not ${here}`]);
}

export function locationAnswer(anatomy: Anatomy, findings: Findings): Answer {
  const { levelled, levels } = anatomy;
  const wordings = (side: string, level: string): Wordings => [
    `${side} ${level} ${levelled}`,
    `${side} ${level}`,
    `${level} ${side}`,
    `${level} ${side} ${levelled}`,
    `in the ${side} ${level} ${levelled}`,
  ];
  const { side, level } = findings;
  const [here, there] = [levels[level], levels[otherLevel(level)]];
  return answer(
    wordings(side, here),
    wordings(otherSide(side), here),
    wordings(side, there),
    wordings(otherSide(side), there),
  );
}

export function countAnswer(finding: FindingKind, { count }: Findings): Answer {
  const wordings = (n: number): Wordings => [
    numeral(n),
    String(n),
    `${numeral(n)} ${nameOf(finding, n)}`,
    `${n} ${nameOf(finding, n)}`,
  ];
  return answer(wordings(count), otherCounts(finding, count).flatMap(wordings), ['many', 'none']);
}

export function sizeAnswer(finding: FindingKind, { size }: Findings): Answer {
  const wordings = (word: string): Wordings => [
    word,
    `${word} ${finding.name}`,
    `a ${word} ${finding.name}`,
  ];
  return answer(wordings(size), wordings(otherSize(size)), ['medium', `not ${size}`]);
}

/** Counts one away that a reader could mistake it for. */
function otherCounts({ maxCount }: FindingKind, count: number): number[] {
  return [count - 1, count + 1].filter((n) => n >= 1 && n <= maxCount + 1);
}

/** The first wording is the reference. */
function answer(wordings: Wordings, ...misses: readonly (readonly string[])[]): Answer {
  const right = new Set(wordings);
  return {
    referenceAnswer: wordings[0],
    accepted: [...right].slice(1),
    nearMisses: [...new Set(misses.flat())].filter((wording) => !right.has(wording)),
  };
}
