/**
 * How judges are asked in an evaluation: Jinja files in versioned folders, one folder a mode. Those of
 * `medix-r1-reference` keep the content of the paper's prompts (arXiv 2602.23363), worded anew.
 */
import { fileURLToPath } from 'node:url';
import { digestOf } from '../../core/digest.ts';
import { readText } from '../../core/files.ts';
import { compileJinja } from '../../core/jinja.ts';
import { packageFile } from '../../core/package-file.ts';
import { shownAnswer } from '../../judge/judge-prompt.ts';
import type { GraderItem, JudgedSample } from './grader.ts';

/** How one vote shows its item. */
type Showing = {
  /** Line that the answer does not contain. */
  readonly delimiter: string;
  readonly imageCount: number;
  /** Whether the expert's answer stands before the candidate's. */
  readonly expertFirst: boolean;
  /** In the order in which they are listed; empty lists none. */
  readonly choices: JudgedSample['choices'];
};

export type VotePrompts = {
  /** Hexadecimal SHA-256 over all files. */
  readonly digest: string;
  render(item: GraderItem, showing: Showing): string;
};

export type RoundPrompts = {
  readonly digest: string;
  /** The first round, which alone shows the item. */
  render(item: GraderItem): string;
  /** What later rounds say. */
  readonly again: string;
};

const folder = fileURLToPath(packageFile('assets/eval-judge-prompts/'));

/** Prompts of independent votes. The answer is fenced and cut to a length. */
export async function readVotePrompts(): Promise<VotePrompts> {
  const [answer, report] = await Promise.all([
    readPrompt('medix-r1/answer-v1'),
    readPrompt('medix-r1/report-v1'),
  ]);
  const templates = { answer: compileJinja(answer), report: compileJinja(report) };
  return {
    digest: digestOf([answer, report]),
    render: ({ sample, answer: text }, { choices, ...showing }) => {
      const { problem, stem, referenceAnswer, accepted } = sample;
      const isReport = sample.kind === 'report';
      return templates[isReport ? 'report' : 'answer'].render({
        ...showing,
        choices: [...choices],
        hasChoices: sample.choices.length > 0,
        question: choices.length > 0 ? stem : problem,
        reference: expertAnswer(referenceAnswer, sample.choices),
        accepted,
        answer: shownAnswer(text, isReport ? longestReport : undefined),
      });
    },
  };
}

/** Prompts of the paper's rounds. Question, reference and answer are shown unchanged. */
export async function readRoundPrompts(): Promise<RoundPrompts> {
  const [answer, report, again] = await Promise.all([
    readPrompt('medix-r1-reference/answer-v1'),
    readPrompt('medix-r1-reference/report-v1'),
    readPrompt('medix-r1-reference/again-v1'),
  ]);
  const templates = { answer: compileJinja(answer), report: compileJinja(report) };
  return {
    digest: digestOf([answer, report, again]),
    render: ({ sample: { kind, problem, referenceAnswer }, answer: text }) =>
      templates[kind === 'report' ? 'report' : 'answer'].render({
        question: problem,
        reference: referenceAnswer,
        answer: text,
      }),
    again: again.trim(),
  };
}

/** Characters of a report that are shown; longer than any of MIMIC-CXR. */
const longestReport = 12_000;

/** The letter goes with the text where the reference is one of the choices. */
function expertAnswer(reference: string, choices: JudgedSample['choices']): string {
  const choice = choices.find(({ text }) => text === reference);
  return choice === undefined ? reference : `${choice.letter}. ${choice.text}`;
}

function readPrompt(name: string): Promise<string> {
  return readText(`${folder}${name}.jinja`);
}
