import { expect, it } from 'vitest';
import { MedixError } from '../../../core/errors.ts';
import { errorOf, failureOf } from './failure.ts';

function crossed(error: unknown): Error {
  return errorOf(structuredClone(failureOf(error)));
}

it('an error for the user keeps its boundary, its problems and what caused it', () => {
  const problem = { where: 'a file', expected: 'numbers', got: 'NaN', next: 'get another file' };
  const cause = new TypeError('beneath', { cause: 'a text' });
  const error = new MedixError('model', [problem, { ...problem, where: 'another' }], { cause });
  const arrived = crossed(error);
  expect(arrived).toBeInstanceOf(MedixError);
  expect(arrived).toMatchObject({
    boundary: 'model',
    problems: error.problems,
    message: error.message,
    stack: error.stack,
    cause: { name: 'TypeError', message: 'beneath', cause: { message: 'a text' } },
  });
});

it('a defect stays one, with the stack of where it happened', () => {
  const error = Object.assign(new RangeError('internal: out of range'), { code: 'ERANGE' });
  const arrived = crossed(error);
  expect(arrived).not.toBeInstanceOf(MedixError);
  expect(arrived).toMatchObject({
    name: 'RangeError',
    message: error.message,
    stack: error.stack,
    code: 'ERANGE',
  });
});

it('what is thrown without being an error arrives as one, whatever it holds', () => {
  expect(crossed('a text').message).toBe('a text');
  expect(crossed({ toString: () => 'an object', of: () => {} }).message).toBe('an object');
});
