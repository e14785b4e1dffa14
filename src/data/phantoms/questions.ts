import type { Rng } from '../../core/rng.ts';
import type { Anatomy, Attribute, FindingKind } from './anatomy.ts';
import {
  type Answer,
  countAnswer,
  findingAnswer,
  levelAnswer,
  locationAnswer,
  sideAnswer,
  sizeAnswer,
  yesNoAnswer,
} from './answers.ts';
import { drawFindings, type Findings, shows, withArticle } from './findings.ts';

/**
 * How often each kind is asked where a modality has it. Open questions with three or more likely
 * answers outweigh the two-way ones, so that guessing without the image stays below one in three.
 */
const shares = {
  finding: 0.38,
  count: 0.2,
  location: 0.18,
  side: 0.07,
  level: 0.04,
  size: 0.04,
  presence: 0.06,
  normality: 0.03,
} as const;

type QuestionKind = keyof typeof shares;

const needs: Readonly<Partial<Record<QuestionKind, readonly Attribute[]>>> = {
  count: ['count'],
  location: ['side', 'level'],
  side: ['side'],
  level: ['level'],
  size: ['size'],
};

export type Question = Answer & { readonly kind: QuestionKind; readonly problem: string };

/** Draws a question, and findings such that all of its answers are equally likely. */
export function drawQuestion(
  rng: Rng,
  anatomy: Anatomy,
): { readonly question: Question; readonly findings: Findings } {
  const kind = drawKind(rng, anatomy);
  const asked = rng.pick(anatomy.findings.filter((finding) => answers(finding, kind)));
  const findings = drawFindings(rng, drawFinding(rng, anatomy, kind, asked));
  const problem = rng.pick(wordings(anatomy, kind, asked));
  return { question: { kind, problem, ...answerOf(anatomy, kind, asked, findings) }, findings };
}

function answers(finding: FindingKind, kind: QuestionKind): boolean {
  return (needs[kind] ?? []).every((attribute) => shows(finding, attribute));
}

function drawKind(rng: Rng, anatomy: Anatomy): QuestionKind {
  const kinds = (Object.keys(shares) as QuestionKind[]).filter((kind) =>
    anatomy.findings.some((finding) => answers(finding, kind)),
  );
  let rest = rng.next() * kinds.reduce((sum, kind) => sum + shares[kind], 0);
  const drawn = kinds.find((kind) => {
    rest -= shares[kind];
    return rest < 0;
  });
  return drawn ?? 'finding';
}

function drawFinding(
  rng: Rng,
  anatomy: Anatomy,
  kind: QuestionKind,
  asked: FindingKind,
): FindingKind | undefined {
  switch (kind) {
    case 'finding':
      return rng.pick([...anatomy.findings, undefined]);
    case 'normality':
      return rng.pick([asked, undefined]);
    case 'presence': {
      const others = anatomy.findings.filter((finding) => finding !== asked);
      return rng.pick([asked, asked, undefined, rng.pick(others)]);
    }
    case 'side':
      return anatomy.sideIsOfView ? rng.pick([...anatomy.findings, undefined]) : asked;
    default:
      return asked;
  }
}

function answerOf(
  anatomy: Anatomy,
  kind: QuestionKind,
  asked: FindingKind,
  findings: Findings,
): Answer {
  switch (kind) {
    case 'finding':
      return findingAnswer(anatomy, findings);
    case 'presence':
      return yesNoAnswer(findings.finding === asked);
    case 'normality':
      return yesNoAnswer(findings.finding === undefined);
    case 'side':
      return sideAnswer(anatomy, findings);
    case 'level':
      return levelAnswer(anatomy, findings);
    case 'location':
      return locationAnswer(anatomy, findings);
    case 'count':
      return countAnswer(asked, findings);
    case 'size':
      return sizeAnswer(asked, findings);
  }
}

/** Wordings never tell the answer: a counted finding is always asked for in the plural. */
function wordings(anatomy: Anatomy, kind: QuestionKind, asked: FindingKind): readonly string[] {
  const { name, plural } = asked;
  const one = withArticle(asked);
  const it = shows(asked, 'count') ? 'finding' : name;
  const [first, second] = anatomy.levels;
  switch (kind) {
    case 'finding':
      return [
        'What abnormality is seen in this image?',
        'What does this image show?',
        'What is the main finding?',
        'Which abnormality is present, if any?',
        'Name the finding in this image.',
      ];
    case 'presence':
      return [
        `Is there ${one}?`,
        `Does this image show ${one}?`,
        `Is ${one} present?`,
        `Can you see ${one} in this image?`,
      ];
    case 'normality':
      return [
        'Is this image normal?',
        'Is this a normal study?',
        'Does this study look normal?',
        'Is the study normal?',
      ];
    case 'side':
      return anatomy.sideIsOfView
        ? [
            `Which ${anatomy.sided} is shown?`,
            `Is this the left or the right ${anatomy.sided}?`,
            `Which ${anatomy.sided} is this?`,
            `Name the ${anatomy.sided} in this image.`,
          ]
        : [
            `On which side is the ${it}?`,
            `Which side is the ${it} on?`,
            `Is the ${it} on the left or on the right?`,
            `Which ${anatomy.sided} has the ${it}?`,
          ];
    case 'level':
      return [
        `Is the ${it} in the ${first} or ${second} ${anatomy.levelled}?`,
        `In which part is the ${it}, ${first} or ${second}?`,
        `Which part has the ${it}, ${first} or ${second}?`,
        `Is the ${it} ${first} or ${second}?`,
      ];
    case 'location':
      return [
        `Where is the ${it}?`,
        `What is the location of the ${it}?`,
        `Name the place of the ${it}.`,
        `In which part is the ${it} seen?`,
      ];
    case 'count':
      return [
        `How many ${plural} are there?`,
        `How many ${plural} are seen?`,
        `Count the ${plural}.`,
        `What is the number of ${plural}?`,
      ];
    case 'size':
      return [
        `How large is the ${name}?`,
        `What is the size of the ${name}?`,
        `Is the ${name} small or large?`,
        `Is this a small or a large ${name}?`,
      ];
  }
}
