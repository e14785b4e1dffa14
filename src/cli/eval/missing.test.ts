import { expect, it } from 'vitest';
import { describeCauses } from './missing.ts';

it('shows the most frequent causes, bounded and safe for a terminal, and hints where it can', () => {
  const kinds = [
    { cause: 'refused', message: `the prompt does not fit\u001b[2J into the context`, count: 1200 },
    { cause: 'unparsable', message: 'x'.repeat(100_000), count: 30 },
    ...Array.from({ length: 40 }, (_, n) => ({ cause: 'timeout', message: `m${n}\nn`, count: 1 })),
  ];
  const lines = describeCauses('answer', { missing: 1270, kinds });
  expect(lines[0]).toBe('without answer: 1,270, most often because of');
  expect(lines[1]).toBe('  1,200 × refused: the prompt does not fit\uFFFD[2J into the context');
  expect(lines[2]).toHaveLength('  30 × unparsable: '.length + 301);
  expect(lines.slice(3, 7)).toEqual([
    '  1 × timeout: m0 n',
    '  1 × timeout: m1 n',
    '  1 × timeout: m2 n',
    '  37 × other causes',
  ]);
  expect(lines.slice(7)).toEqual([
    expect.stringMatching(/^ {2}hint: .*raise its maxTokens/),
    expect.stringMatching(/^ {2}hint: .*lower sampling\.maxTokens/),
  ]);
  expect(describeCauses('verdict', { missing: 0, kinds: [] })).toEqual([]);
});
