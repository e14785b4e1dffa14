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
  let brackets = 0;
  const indents: number[] = [];
  for (const line of text.split('\n')) {
    const [start = ''] = /^[ \t]*(?:[-?:][ \t]+)*/.exec(line) ?? [];
    if (start.length < line.length) {
      const indent = line.search(/[^ \t]/);
      while ((indents.at(-1) ?? -1) >= indent) indents.pop();
      indents.push(indent);
    }
    for (const sign of line) {
      if (sign === '[' || sign === '{') brackets++;
      if (sign === ']' || sign === '}') brackets = Math.max(0, brackets - 1);
      if (brackets > maxDepth) return true;
    }
    const dashes = start.replaceAll(/[ \t]/g, '').length;
    if (indents.length + dashes > maxDepth) return true;
  }
  return false;
}

function isCircular(value: unknown, around: Set<unknown>): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (around.has(value)) return true;
  around.add(value);
  const found = Object.values(value).some((inner) => isCircular(inner, around));
  around.delete(value);
  return found;
}
