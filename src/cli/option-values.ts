/** Option values that are numbers. Each parser throws what commander reports as wrong usage. */
import { InvalidArgumentError } from 'commander';

export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text)) && Number(text) >= min) {
      return Number(text);
    }
    throw new InvalidArgumentError(`Expected a whole number of at least ${min}.`);
  };
}

/** Decimal numbers that `accepts`; `range` names them in the message. */
export function decimalNumber(
  range: string,
  accepts: (value: number) => boolean,
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && accepts(value)) return value;
    throw new InvalidArgumentError(`Expected a number ${range}.`);
  };
}
