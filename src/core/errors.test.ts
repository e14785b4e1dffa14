import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MedixError, messageOf, type Problem } from './errors.ts';

const problem: Problem = { where: 'file: row 1', expected: 'a', got: 'b', next: 'correct it' };

describe('the message of an error', () => {
  it('says where, what was expected, what was there and what to do', () => {
    const { message } = new MedixError('data', [problem, { ...problem, where: 'file: row 2' }]);
    expect(message).toBe(
      'file: row 1: expected a, got b; correct it\nfile: row 2: expected a, got b; correct it',
    );
  });

  it('cuts values of others, in every place, and keeps each problem on a line', () => {
    for (const field of ['where', 'expected', 'got', 'next'] as const) {
      const long = `begin ${'🫀'.repeat(5e5)}`;
      const { message } = new MedixError('data', [{ ...problem, [field]: long }]);
      expect(message.length).toBeLessThan(1200);
      expect(message).toMatch(/begin (🫀)+… \(1,000,006 characters\)/u);
      const lines = new MedixError('data', [
        { ...problem, [field]: 'one\n  two\r\nthree\u2028four' },
      ]);
      expect(lines.message).toContain('one two three four');
      expect(lines.message).not.toMatch(/[\r\n]/);
    }
  });

  it('shows the first of many problems, and how many there are; all are at hand', () => {
    const problems = Array.from({ length: 3000 }, (_, n) => ({ ...problem, where: `key ${n}` }));
    const error = new MedixError('config', problems);
    const lines = error.message.split('\n');
    expect(lines).toHaveLength(26);
    expect(lines[24]).toMatch(/^key 24: /);
    expect(lines[25]).toBe(
      'in all: expected no problems, got 3,000, of which these are the first 25; correct them and run the command again',
    );
    expect(error.problems).toHaveLength(3000);
  });

  it('of a value that misses its schema is short', () => {
    const schema = z.strictObject({ a: z.number(), list: z.array(z.number()) });
    const { error } = schema.safeParse({ a: 'x', list: Array.from({ length: 3000 }, () => 'y') });
    expect(messageOf(error)).toMatch(
      /^a: Invalid input: .*; list\.0: .*; list\.1: .*; and 2,998 more$/,
    );
    const keys = Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`unknown ${n}`, 1]));
    expect(messageOf(schema.safeParse(keys).error).length).toBeLessThan(900);
    expect(messageOf(new Error('plain'))).toBe('plain');
    expect(messageOf('thrown')).toBe('thrown');
  });
});
