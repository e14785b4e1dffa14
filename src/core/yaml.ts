/**
 * YAML that somebody else wrote, as plain values. The parser recurses, and deep nesting ends the process
 * inside of V8 rather than with an error; so depth is bounded before it sees the text. Aliases are bounded by
 * the parser itself; those that lead back to themselves are refused.
 */
import { parseDocument } from 'yaml';
import { messageOf } from './errors.ts';
import { oneLine } from './quoted.ts';
import { decodeUtf8 } from './utf8.ts';

const maxBytes = 2 ** 24;
/** Far deeper than any config or task. */
const maxDepth = 100;

/** @throws Error with one short line where the text is no YAML, too deep, too long or circular */
export function parseYaml(source: string | Uint8Array): unknown {
  const text = typeof source === 'string' ? source : decodeUtf8(source, 'dropped');
  if (text === undefined) throw new Error('it is not UTF-8 text');
  if (text.length > maxBytes) throw new Error(`more than ${maxBytes} characters`);
  if (isDeep(text)) throw new Error(`lists and sections more than ${maxDepth} deep`);
  const value = parsed(text);
  if (isCircular(value, new Set())) throw new Error('an alias that leads back to itself');
  return value;
}

function parsed(text: string): unknown {
  try {
    // What the parser only warns of, such as a tag that it does not know, is no value as it was meant.
    const document = parseDocument(text, { logLevel: 'silent' });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw problem;
    return document.toJS();
  } catch (error) {
    // The lines that follow show the place in the text.
    const [message = ''] = messageOf(error).split('\n');
    throw new Error(oneLine(message.replace(/:$/, '')), { cause: error });
  }
}

/** An upper bound that looks at signs alone: brackets, dashes at the start of a line, and indentation. */
function isDeep(text: string): boolean {
  if (deepestBrackets(text) > maxDepth) return true;
  const indents: number[] = [];
  return text.split('\n').some((line) => {
    const indent = line.search(/[^ \t]/);
    if (indent < 0) return false;
    while ((indents.at(-1) ?? -1) >= indent) indents.pop();
    indents.push(indent);
    const [signs = ''] = /^(?:[-?:][ \t]+)*/.exec(line.slice(indent)) ?? [];
    return indents.length + signs.replaceAll(/[ \t]/g, '').length > maxDepth;
  });
}

function deepestBrackets(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [sign] of text.matchAll(/[[\]{}]/g)) {
    depth = sign === '[' || sign === '{' ? depth + 1 : Math.max(0, depth - 1);
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function isCircular(value: unknown, around: Set<unknown>): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (around.has(value)) return true;
  around.add(value);
  const found = Object.values(value).some((inner) => isCircular(inner, around));
  around.delete(value);
  return found;
}
