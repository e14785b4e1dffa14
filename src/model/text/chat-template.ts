/**
 * Renders messages by a model's own Jinja chat template, and tells special tokens that the template wrote
 * from look-alikes in the messages.
 *
 * Content cannot simply be tokenized apart from the template, because BPE works on whole stretches between
 * special tokens (the line break after a role joins one that starts the content). So look-alikes are broken
 * by a marker before rendering, the rendered text is split at the special tokens that are left, and the
 * marker is taken out again.
 */
import { z } from 'zod';
import { fail, messageOf } from '../../core/errors.ts';
import { compileJinja } from '../../core/jinja.ts';
import { oneLine } from '../../core/quoted.ts';
import { type ModelFiles, parseModelFile } from '../files/model-files.ts';
import type { Message } from '../prompt.ts';

/** A stretch of rendered text: ordinary, or one special token. */
type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'special'; readonly token: string };

/** Messages to the parts of a prompt that ends where the assistant's turn begins. */
export type ChatTemplate = (messages: readonly Message[]) => readonly TemplatePart[];

/**
 * The Qwen3-VL turn format, for new models. Content is a string or a list of `text` and `image` parts; an
 * image becomes one `<|image_pad|>` between its vision markers.
 */
export const defaultChatTemplate = `{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.content is string %}
        {{- message.content }}
    {%- else %}
        {%- for part in message.content %}
            {%- if part.type == 'image' %}
                {{- '<|vision_start|><|image_pad|><|vision_end|>' }}
            {%- elif part.type == 'text' %}
                {{- part.text }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
`;

const configSchema = z.looseObject({
  chat_template: z
    .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
    .optional(),
});

/**
 * Templates of Llama 3.2 write today's date where they are told it, else one of their own: a prompt would change from
 * day to day, and a resumed run with it. (`transformers` tells it: a deviation.)
 */
const timeless = { strftime_now: undefined };

const tokenText = z.union([z.string(), z.looseObject({ content: z.string() })]);

/** A token is written as its text, or as an object with its properties; empty where there is none. */
function textOf(token: unknown): string {
  const { data = '' } = tokenText.safeParse(token);
  return typeof data === 'string' ? data : data.content;
}

const tokenNames = ['bos_token', 'eos_token', 'pad_token', 'unk_token'] as const;

/**
 * Compiles the template of `chat_template.jinja`, else `chat_template.json`, else `tokenizer_config.json`.
 * Throws a `model` error when there is none or it does not parse; the compiled template throws one
 * when it refuses the messages.
 *
 * @param specialTokens texts that the tokenizer encodes as one special token.
 * @param contentAs how templates are given content: those of models that read text alone expect one text, the
 *   others a list of parts.
 */
export function createChatTemplate(
  files: ModelFiles,
  specialTokens: Iterable<string>,
  contentAs: 'text' | 'parts',
): ChatTemplate {
  const { where, source } = findTemplate(files);
  const template = guarded(where, () => compileJinja(source));
  const config = parseModelFile(files, 'tokenizer_config.json', configSchema);
  const names = Object.fromEntries(tokenNames.map((name) => [name, textOf(config[name])]));
  const tokens = [...specialTokens].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(`(${tokens.map(escapeRegExp).join('|')})`);
  const known = new Set(tokens);
  return (messages) => {
    const marker = unusedMarker(messages);
    const marked = messages.map(({ role, content }) => {
      const parts = content.map((part) =>
        part.type === 'image'
          ? { type: 'image' }
          : { type: 'text', text: broken(part.text, tokens, marker) },
      );
      const text = () => parts.map((part) => part.text ?? '').join('');
      return { role, content: contentAs === 'text' ? text() : parts };
    });
    const rendered = guarded(where, () =>
      template.render({ ...names, ...timeless, messages: marked, add_generation_prompt: true }),
    );
    return rendered
      .split(pattern)
      .filter((text) => text !== '')
      .map((text) =>
        known.has(text)
          ? { kind: 'special', token: text }
          : { kind: 'text', text: text.replaceAll(marker, '') },
      );
  };
}

function findTemplate(files: ModelFiles): { where: string; source: string } {
  const jinja = files['chat_template.jinja'];
  if (jinja !== undefined) return { where: 'chat_template.jinja', source: jinja };
  const where = 'chat_template.json' in files ? 'chat_template.json' : 'tokenizer_config.json';
  const { chat_template: found } = parseModelFile(files, where, configSchema);
  const source =
    typeof found === 'string' ? found : found?.find(({ name }) => name === 'default')?.template;
  if (source !== undefined) return { where, source };
  return fail('model', {
    where: 'chat_template.jinja',
    expected: 'a chat template, here or in tokenizer_config.json',
    got: 'none',
    next: 'use an instruction-tuned checkpoint, whose files include one',
  });
}

function guarded<T>(where: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    return fail(
      'model',
      {
        where,
        expected: 'a chat template that renders these messages',
        got: oneLine(messageOf(error)),
        next: 'check the template and the order of roles',
      },
      error,
    );
  }
}

/** A run of noncharacters longer than any in the messages. */
function unusedMarker(messages: readonly Message[]): string {
  const texts = messages
    .flatMap(({ content }) => content.map((part) => (part.type === 'text' ? part.text : '')))
    .join('');
  let marker = '\uFDD0';
  while (texts.includes(marker)) marker += '\uFDD0';
  return marker;
}

/**
 * Puts the marker after the first character of every special token in the text, and of every beginning
 * of one at its end, which the next part could complete.
 */
function broken(text: string, tokens: readonly string[], marker: string): string {
  let result = '';
  for (let i = 0; i < text.length; i++) {
    result += text[i];
    const rest = text.length - i;
    const isToken = tokens.some(
      (token) =>
        text.startsWith(token, i) || (rest < token.length && token.startsWith(text.slice(i))),
    );
    if (isToken) result += marker;
  }
  return result;
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
