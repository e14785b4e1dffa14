import { readFile } from 'node:fs/promises';
import { Template } from '@huggingface/jinja';
import { fail, messageOf } from '../core/errors.ts';
import type { ContentPart, Message } from '../core/message.ts';
import { modalities } from '../core/modality.ts';
import type { Sample } from '../core/sample.ts';
import { builtInTemplates } from './templates.ts';

export type PromptTemplate = {
  /** Built-in name or file path, for messages. */
  readonly name: string;
  readonly template: Template;
};

/**
 * Stands in for the question while the template renders, so that the place of the images is known and
 * no text of a question can act as markup.
 */
const questionPlaceholder = '\uE000question\uE001';

/**
 * Opens a built-in template (`medix-r1`, `brief`) or a Jinja file.
 *
 * @throws MedixError where the file is missing, is no valid Jinja, or leaves the question out
 */
export async function openTemplate(nameOrPath: string): Promise<PromptTemplate> {
  const source = isBuiltIn(nameOrPath)
    ? builtInTemplates[nameOrPath]
    : await readSource(nameOrPath);
  try {
    const opened = { name: nameOrPath, template: new Template(source) };
    splitAtQuestion(opened, 1);
    return opened;
  } catch (error) {
    return fail(
      'data',
      {
        where: `prompt template ${nameOrPath}`,
        expected: 'a Jinja template that shows {{ problem }}',
        got: messageOf(error),
        next: 'correct the template',
      },
      error,
    );
  }
}

/**
 * What the model is asked: one user message, the template's text with the sample's images directly
 * before the question. A template sees the variables `problem` (the question, trimmed), `imageCount`
 * and `modalities` (the 16 tags without brackets).
 */
export function renderMessages(
  template: PromptTemplate,
  sample: Pick<Sample, 'images' | 'problem'>,
): Message[] {
  const [before, after] = splitAtQuestion(template, sample.images.length);
  const parts: ContentPart[] = [
    { type: 'text', text: before },
    ...sample.images.map((image) => ({ type: 'image' as const, image })),
    { type: 'text', text: after.join(sample.problem.trim()) },
  ];
  const content = parts.filter((part) => part.type === 'image' || part.text !== '');
  return [{ role: 'user', content: sample.images.length === 0 ? joinTexts(content) : content }];
}

/** The text before the question, and the texts that the question joins (the first is empty). */
function splitAtQuestion({ template }: PromptTemplate, imageCount: number): [string, string[]] {
  const text = template.render({ problem: questionPlaceholder, imageCount, modalities }).trim();
  const [before, ...rest] = text.split(questionPlaceholder);
  if (before === undefined || rest.length === 0)
    throw new Error('a template without {{ problem }}');
  return [before, ['', ...rest]];
}

function joinTexts(parts: readonly ContentPart[]): ContentPart[] {
  const text = parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
  return [{ type: 'text', text }];
}

function isBuiltIn(name: string): name is keyof typeof builtInTemplates {
  return Object.hasOwn(builtInTemplates, name);
}

async function readSource(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return fail(
      'data',
      {
        where: `prompt template ${path}`,
        expected: `a Jinja file or one of ${Object.keys(builtInTemplates).join(', ')}`,
        got: messageOf(error),
        next: 'correct the path or choose a built-in template',
      },
      error,
    );
  }
}
