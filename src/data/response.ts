import { isModality, type Modality } from '../core/modality.ts';

/** A completion in the output format `<TAG><thinking>…</thinking><answer>…</answer>`. */
type ResponseParts = {
  readonly modality: Modality;
  readonly thinking: string;
  readonly answer: string;
};

export type ParsedResponse =
  | ({ readonly kind: 'parsed' } & ResponseParts)
  /** The parts that could be read, and what is wrong with the first that could not. */
  | ({ readonly kind: 'malformed'; readonly problem: string } & Partial<ResponseParts>);

/** Writes a response in the output format; without a modality it has no tag. */
export function formatDemonstration({
  modality,
  thinking,
  answer,
}: Omit<ResponseParts, 'modality'> & { readonly modality: Modality | undefined }): string {
  const tag = modality === undefined ? '' : `<${modality}>`;
  return `${tag}<thinking>${thinking}</thinking><answer>${answer}</answer>`;
}

/**
 * Reads a completion, whole or still streaming: exactly one modality tag, one thinking block, one
 * answer block, in this order, with nothing but whitespace between them. A block that has begun is
 * returned as far as it goes, so a caller can show thinking while it grows.
 */
export function parseResponse(text: string): ParsedResponse {
  const tag = /^\s*<([A-Z_]+)>\s*/.exec(text);
  if (!tag) return { kind: 'malformed', problem: 'no modality tag at the start' };
  const modality = tag[1] ?? '';
  if (!isModality(modality))
    return { kind: 'malformed', problem: `unknown modality <${modality}>` };

  const thinking = readBlock(text.slice(tag[0].length), 'thinking');
  if (thinking.problem !== undefined) {
    return {
      kind: 'malformed',
      modality,
      ...partOf('thinking', thinking),
      problem: thinking.problem,
    };
  }
  const answer = readBlock(thinking.rest, 'answer');
  const read = { modality, thinking: thinking.content };
  if (answer.problem !== undefined) {
    return { kind: 'malformed', ...read, ...partOf('answer', answer), problem: answer.problem };
  }
  if (answer.rest !== '') {
    return { kind: 'malformed', ...read, answer: answer.content, problem: 'text after the answer' };
  }
  return { kind: 'parsed', ...read, answer: answer.content };
}

type Block =
  | { readonly content: string; readonly rest: string; readonly problem?: undefined }
  | { readonly content?: string; readonly problem: string };

function readBlock(text: string, name: 'thinking' | 'answer'): Block {
  const open = `<${name}>`;
  const close = `</${name}>`;
  if (!text.startsWith(open)) return { problem: `expected ${open}` };
  const end = text.indexOf(close);
  if (end < 0) return { content: text.slice(open.length).trim(), problem: `no ${close}` };
  const content = text.slice(open.length, end).trim();
  if (content === '') return { problem: `nothing in ${open}` };
  return { content, rest: text.slice(end + close.length).trim() };
}

function partOf<Name extends string>(
  name: Name,
  { content }: Block,
): Partial<Record<Name, string>> {
  return content === undefined ? {} : ({ [name]: content } as Record<Name, string>);
}
