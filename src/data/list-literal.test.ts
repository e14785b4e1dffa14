import { describe, expect, it } from 'vitest';
import { parseListLiteral } from './list-literal.ts';

describe('a list literal', () => {
  it.each([
    ['[]', []],
    [`['left', "the patient's", 'it\\'s']`, ['left', "the patient's", "it's"]],
    ['["a, b", "[c]"]', ['a, b', '[c]']],
    [" [3, -1.5, 'x',] ", ['3', '-1.5', 'x']],
    [`['caf\\xe9', '\\u03bcg\\n']`, ['café', 'μg\n']],
    [`["€5 \\\\ 'x'"]`, ["€5 \\ 'x'"]],
  ])('%s is read', (text, items) => {
    expect(parseListLiteral(text)).toEqual(items);
  });

  it.each(['', 'left', '[18F]FDG', "['a' 'b']", "['a', ", '[a]', '[__import__("os")]'])(
    '%s is none',
    (text) => {
      expect(parseListLiteral(text)).toBeUndefined();
    },
  );
});
