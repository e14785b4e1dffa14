import { nameOf } from '../../core/quoted.ts';
import { textOf } from '../../data/field.ts';
import { RowProblem } from './sample.ts';

/**
 * As {@link textOf}, for values that must not be passed over.
 *
 * @param what names the value in the message
 * @throws RowProblem for a boolean, a list or an object
 */
export function plainText(value: unknown, what: string): string | undefined {
  if (typeof value === 'boolean' || (typeof value === 'object' && value !== null)) {
    throw new RowProblem('malformed', `${what} is ${nameOf(value)}, neither text nor a number`);
  }
  return textOf(value);
}
