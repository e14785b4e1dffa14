import { fail, messageOf } from '../core/errors.ts';
import { readText } from '../core/files.ts';
import { compileJinja, type JinjaTemplate } from '../core/jinja.ts';
import type { ContentPart, Message } from '../core/message.ts';
import { modalities } from '../core/modality.ts';
import { reading } from '../core/reading.ts';
import type { Sample } from '../core/sample.ts';
import { placeImages, withoutImageMarks } from './image-marks.ts';
import { builtInTemplates } from './templates.ts';

export type PromptTemplate = {
  /** Built-in name or file path, for messages. */
  readonly name: string;
  readonly template: JinjaTemplate;
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
    const opened = { name: nameOrPath, template: compileJinja(source) };
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
 * What the model is asked: one user message, the template's text with the sample's images at their marks in
 * the question, or else directly before it. A template sees the variables `problem` (the question, trimmed),
 * `imageCount` and `modalities` (the 16 tags without brackets).
 */
export function renderMessages(
  template: PromptTemplate,
  sample: Pick<Sample, 'images' | 'problem'>,
): Message[] {
  const { images } = sample;
  const problem = sample.problem.trim();
  const [before, [after = '', ...later]] = splitAtQuestion(template, images.length);
  // Where a template shows the question again, the images do not come again.
  const again = images.length === 0 ? problem : withoutImageMarks(problem);
  const parts: ContentPart[] = [
    { type: 'text', text: before },
    ...placeImages(problem, images),
    { type: 'text', text: [after, ...later].join(again) },
  ];
  return [{ role: 'user', content: joinTexts(parts) }];
}

/** The text before the question, and the texts after it: more than one where it is shown again. */
function splitAtQuestion({ template }: PromptTemplate, imageCount: number): [string, string[]] {
  const text = template.render({ problem: questionPlaceholder, imageCount, modalities }).trim();
  const [before, ...rest] = text.split(questionPlaceholder);
  if (before === undefined || rest.length === 0)
    throw new Error('a template without {{ problem }}');
  return [before, rest];
}

/** Neighbouring texts as one, and none that is empty. */
function joinTexts(parts: readonly ContentPart[]): ContentPart[] {
  const joined: ContentPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.type === 'text' && last?.type === 'text') {
      joined[joined.length - 1] = { type: 'text', text: last.text + part.text };
    } else if (part.type === 'image' || part.text !== '') joined.push(part);
  }
  return joined;
}

function isBuiltIn(name: string): name is keyof typeof builtInTemplates {
  return Object.hasOwn(builtInTemplates, name);
}

async function readSource(path: string): Promise<string> {
  const asked = {
    boundary: 'data',
    where: `prompt template ${path}`,
    expected: `a Jinja file or one of ${Object.keys(builtInTemplates).join(', ')}`,
    next: 'correct the path or choose a built-in template',
  } as const;
  return reading(asked, () => readText(path));
}
