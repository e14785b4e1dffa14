/** Text of others within a message: on one line and no longer than a person reads. */

/**
 * The text with every run of white space that holds a line end as one space, cut after `limit` characters with
 * a note of how many more there are.
 */
export function shortened(text: string, limit: number): string {
  const start = text.slice(0, 4 * limit).replace(/\s*[\n\r\u2028\u2029]\s*/g, ' ');
  const isWhole = text.length <= 4 * limit && start.length <= limit;
  if (isWhole) return start;
  // A pair of surrogates is not cut in half.
  const kept = start.slice(0, limit).replace(/[\uD800-\uDBFF]$/, '');
  return `${kept}… (${text.length.toLocaleString('en')} characters)`;
}
