/**
 * How a language model is asked about a rubric: one request with all criteria. It shows neither the reference
 * answer nor an image (minimal exposure, arXiv 2605.30244): what a judge does not see cannot mislead it.
 */
import { fileURLToPath } from 'node:url';
import { digestOfBytes } from '../core/digest.ts';
import { readText } from '../core/files.ts';
import { compileJinja } from '../core/jinja.ts';
import { packageFile } from '../core/package-file.ts';
import { withoutMarks } from './fence.ts';
import type { RubricQuestion } from './judge.ts';
import { shownAnswer } from './judge-prompt.ts';

export type RubricPrompt = {
  /** Hexadecimal SHA-256 of the file's bytes. */
  readonly digest: string;
  /** @param delimiter Must not occur in the answer. */
  render(question: RubricQuestion, delimiter: string): string;
};

const path = fileURLToPath(packageFile('assets/judge-prompts/rubric/v1.jinja'));

export async function openRubricPrompt(): Promise<RubricPrompt> {
  const source = await readText(path);
  const template = compileJinja(source.replace(/\r?\n$/, ''));
  return {
    digest: digestOfBytes(source),
    render: ({ question, answer, criteria }, delimiter) =>
      template.render({
        question,
        answer: shownAnswer(answer),
        criteria: criteria.map(onOneLine),
        delimiter,
      }),
  };
}

/** A criterion of several lines could pass for several criteria. */
function onOneLine(criterion: string): string {
  return withoutMarks(criterion).replace(/\s+/g, ' ').trim();
}
