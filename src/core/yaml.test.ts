import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseYaml } from './yaml.ts';

it('reads what the parser reads', () => {
  for (const folder of ['assets/tasks', 'assets/reward-profiles', 'recipes/quickstart']) {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.yaml'))) {
      const text = readFileSync(`${folder}/${name}`, 'utf8');
      expect(parseYaml(text)).toEqual(parse(text));
    }
  }
  const wide = JSON.stringify(Array.from({ length: 500 }, (_, i) => [i, { i }]));
  expect(parseYaml(wide)).toEqual(JSON.parse(wide));
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = stringify(value);
      expect(parseYaml(text)).toEqual(parse(text));
    }),
  );
});

it.each([
  ['an alias that leads to itself', 'a: &a [*a]', /leads back to itself/],
  ['one in a section', 'a: &a {b: {c: *a}}', /leads back to itself/],
  [
    'aliases that multiply',
    `a: &a [1, 1]\n${[...'bcdefghijklmnop'].map((name, i) => `${name}: &${name} [${`*${'abcdefghijklmno'[i]}, `.repeat(9)}]`).join('\n')}`,
    /Excessive alias count/,
  ],
  ['deep lists in brackets', '['.repeat(50_000), /more than 100 deep/],
  ['deep lists of dashes', `${'- '.repeat(50_000)}x`, /more than 100 deep/],
  ['deep keys', `${'? '.repeat(50_000)}x`, /more than 100 deep/],
  [
    'deep sections',
    Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    /more than 100 deep/,
  ],
  ['a key that comes twice', 'a: 1\na: 2', /^Map keys must be unique at line 2, column 1$/],
  ['a tag that nobody knows', 'a: !secret b', /Unresolved tag: !secret/],
  ['bytes that are no text', Buffer.from('a: caf\xe9', 'latin1'), /not UTF-8 text/],
])('refuses %s in one line', (_, text, message) => {
  expect(() => parseYaml(text)).toThrow(message);
});

it('any text is a value or one line, and never the end of the process', () => {
  const piece = fc.constantFrom(
    '- ',
    '? ',
    ': ',
    '[',
    '{',
    '&a ',
    '*a',
    '\n',
    ' ',
    '"',
    'x',
    '| ',
    '!t ',
    '%',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
      try {
        parseYaml(pieces.join(''));
      } catch (error) {
        expect((error as Error).message).toMatch(/^[^\n]{1,200}$/);
      }
    }),
  );
  // In a process of its own, since the parser alone would take this one along.
  const program = `import { parseYaml } from './src/core/yaml.ts';
    for (const part of ['- ', '? ', '[', '{a: ', '- - [', '- ? - : ']) for (const n of [99, 900, 90000])
      try { parseYaml(part.repeat(n) + 'x'); } catch {}
    process.stdout.write('alive');`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', program];
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('alive');
});
