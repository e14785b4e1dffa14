import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { outcomesOf } from './own-code.ts';

const never = new AbortController().signal;
const code = { who: 'judge mine', count: 2, schema: z.number(), expected: 'a number' };
const unparsable = (message: string) => ({ kind: 'unscored', cause: 'unparsable', message });

describe('what code of the user gives back', () => {
  it('is passed on where it is an outcome, synchronous or not', async () => {
    expect(await outcomesOf(() => [1, 2], code, never)).toEqual([1, 2]);
    expect(await outcomesOf(async () => [1, 2], code, never)).toEqual([1, 2]);
  });

  it('is unscored, item by item, where it is none', async () => {
    expect(await outcomesOf(() => [1, Number.NaN], code, never)).toEqual([
      1,
      unparsable('judge mine gave NaN; expected a number'),
    ]);
  });

  it.each([
    ['a wrong number of outcomes', [1], 'judge mine gave [ 1 ]; expected a list of 2, one an item'],
    ['no list', undefined, 'judge mine gave undefined; expected a list of outcomes'],
  ])('is unscored as a whole where it is %s', async (_, given, message) => {
    const all = [unparsable(message), unparsable(message)];
    expect(await outcomesOf(() => given, code, never)).toEqual(all);
  });

  it('is unscored with the message of what was thrown', async () => {
    const thrown = () => {
      throw new Error('no route');
    };
    const all = [
      unparsable('judge mine threw: no route'),
      unparsable('judge mine threw: no route'),
    ];
    expect(await outcomesOf(thrown, code, never)).toEqual(all);
    expect(await outcomesOf(() => Promise.reject(new Error('no route')), code, never)).toEqual(all);
  });

  it('is not waited for once the caller gives up', async () => {
    const controller = new AbortController();
    const asked = outcomesOf(() => new Promise(() => {}), code, controller.signal);
    controller.abort();
    expect(await asked).toMatchObject([{ cause: 'cancelled' }, { cause: 'cancelled' }]);
  });
});
