/**
 * How a language model is asked for a verdict: Jinja files in versioned folders. `medix-r1` is the default.
 * `medix-r1-reference` keeps the content of the paper's reward judge (arXiv 2602.23363; worded anew) with
 * its known faults: no question, the answer whole and unfenced.
 *
 * A template sees `question`, `reference`, `accepted` (a list), `answer`, `delimiter` (a line the answer
 * does not contain), `imageCount` (images shown) and `verdict` (`word`, `json` or `logprobs`: the form that
 * the reply shall have).
 */
import { fileURLToPath } from 'node:url';
import type { ChatJudgeConfig } from '../config/judge-config.ts';
import { digestOfBytes } from '../core/digest.ts';
import { fail, messageOf } from '../core/errors.ts';
import { readText } from '../core/files.ts';
import { compileJinja, type JinjaTemplate } from '../core/jinja.ts';
import { packageFile } from '../core/package-file.ts';
import { reading } from '../core/reading.ts';
import { withoutMarks } from './fence.ts';
import type { JudgeItem } from './judge.ts';

/** The form in which a judge is asked to put its verdict. */
export type VerdictForm = ChatJudgeConfig['verdict'];

export type JudgePrompt = {
  /** Shipped name with its version, or the path of the file. */
  readonly id: string;
  /** Hexadecimal SHA-256 of the file's bytes. */
  readonly digest: string;
  /** The paper's judge: the answer is shown as it is, and a YES anywhere in the reply counts. */
  readonly isReference: boolean;
  /** @param delimiter Must not occur in the answer. */
  render(
    item: JudgeItem,
    asked: {
      readonly delimiter: string;
      readonly imageCount: number;
      readonly verdict: VerdictForm;
    },
  ): string;
};

const folder = fileURLToPath(packageFile('assets/judge-prompts/'));

/** Newest version of each; an older file stays as long as verdicts under it are compared with. */
const shipped: Readonly<Record<string, string>> = {
  'medix-r1': 'medix-r1/v2',
  'medix-r1-reference': 'medix-r1-reference/v1',
};

/** Longer answers are cut: if the model refused them, length would be a way out of being judged. */
const longestAnswer = 4000;

/**
 * Opens a shipped prompt by name, else a Jinja file by path.
 * @throws MedixError (judge) where the file is missing, does not compile, or leaves out the answer or the
 *   reference.
 */
export async function openJudgePrompt(nameOrPath: string): Promise<JudgePrompt> {
  const known = Object.hasOwn(shipped, nameOrPath) ? shipped[nameOrPath] : undefined;
  const path = known === undefined ? nameOrPath : `${folder}${known}.jinja`;
  const source = await reading(askedOf(nameOrPath), () => readText(path));
  const isReference = nameOrPath === 'medix-r1-reference';
  const shown = isReference ? (text: string) => text : (text: string) => shownAnswer(text);
  const template = compile(nameOrPath, source);
  const prompt: JudgePrompt = {
    id: known ?? nameOrPath,
    digest: digestOfBytes(source),
    isReference,
    render: ({ question, referenceAnswer, accepted, answer }, { delimiter, imageCount, verdict }) =>
      template.render({
        question,
        reference: referenceAnswer,
        accepted,
        answer: shown(answer),
        delimiter,
        imageCount,
        verdict,
      }),
  };
  checkShowsBoth(prompt, nameOrPath);
  return prompt;
}

/**
 * The answer as a fenced prompt shows it: cut to a length, and with what could act as a mark of a turn, a role
 * or a thought (`<|im_end|>`, `[/INST]`, `◁think▷`) broken by a space, since servers read such text as a
 * mark wherever it stands.
 * @param longest Characters kept. @default 4000
 */
export function shownAnswer(answer: string, longest = longestAnswer): string {
  const harmless = withoutMarks(answer);
  if (harmless.length <= longest) return harmless;
  const kept = harmless.slice(0, longest).replace(/[\uD800-\uDBFF]$/, '');
  return `${kept} [${harmless.length - kept.length} more characters cut]`;
}

function compile(where: string, source: string): JinjaTemplate {
  try {
    return compileJinja(source.replace(/\r?\n$/, ''));
  } catch (error) {
    return unusable(where, messageOf(error), error);
  }
}

/** Renders once in every form, so that a template fails before the first question and not at it. */
function checkShowsBoth(prompt: JudgePrompt, where: string): void {
  const item = {
    question: '',
    referenceAnswer: 'reference-7f3a',
    accepted: ['b'],
    answer: 'answer-9c1e',
  };
  for (const verdict of ['word', 'json', 'logprobs'] as const) {
    let text = '';
    try {
      text = prompt.render(item, { delimiter: '===', imageCount: 1, verdict });
    } catch (error) {
      unusable(where, messageOf(error), error);
    }
    const shown = { answer: item.answer, reference: item.referenceAnswer };
    const missing = Object.entries(shown).flatMap(([name, part]) =>
      text.includes(part) ? [] : [name],
    );
    if (missing.length > 0) unusable(where, `one that leaves out ${missing.join(' and ')}`);
  }
}

function unusable(where: string, got: string, cause?: unknown): never {
  return fail(
    'judge',
    {
      where: `judge prompt ${where}`,
      expected: 'a Jinja template that shows {{ answer }} and {{ reference }}',
      got,
      next: 'correct the template',
    },
    cause,
  );
}

function askedOf(nameOrPath: string) {
  return {
    boundary: 'judge',
    where: `judge prompt ${nameOrPath}`,
    expected: `${Object.keys(shipped).join(', ')}, or the path of a Jinja file`,
    next: 'correct judge.prompt',
  } as const;
}
