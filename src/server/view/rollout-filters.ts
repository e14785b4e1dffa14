/** Which rollouts meet the filters of a query, by the columns alone. */
import type { LabelLine } from '../../run/labels.ts';
import { hashOf } from './columns.ts';
import { agreements, type RolloutFile } from './rollout-file.ts';
import type { RolloutFilters } from './wire.ts';

export type Labels = ReadonlyMap<string, LabelLine>;

/** Whether the file can hold anything that is asked for. */
export function fileMeets(file: RolloutFile, { part, iteration }: RolloutFilters): boolean {
  if (part !== undefined && part !== file.part) return false;
  if (iteration === undefined) return true;
  const [first = '0', last = first] = iteration.split('-');
  return file.iteration >= Number(first) && file.iteration <= Number(last);
}

/** The test of a row; what looks at no text. */
export function rowTest(
  file: RolloutFile,
  filters: RolloutFilters,
  labels: Labels,
): (row: number) => boolean {
  const { use, cause, verdict, similarity, rule, tag, source, label } = filters;
  const { minReward, maxReward, minTokens, maxTokens } = filters;
  const { causes, tags, sources } = file.codes;
  const tests: ((row: number) => boolean)[] = [];
  const equals = (column: { at(row: number): number }, code: number | undefined) =>
    tests.push((row) => column.at(row) === code);
  if (use !== undefined) tests.push((row) => file.useOf(row) === use);
  if (cause !== undefined) {
    const code = causes.find(cause) ?? -1;
    tests.push(
      (row) => file.cause.at(row) === code || file.groups[file.group.at(row)]?.cause === code,
    );
  }
  if (verdict !== undefined) equals(file.verdict, agreements.indexOf(verdict));
  if (similarity !== undefined) equals(file.similarity, agreements.indexOf(similarity));
  if (rule !== undefined) equals(file.rule, agreements.indexOf(rule));
  if (tag !== undefined) equals(file.tag, tags.find(tag) ?? -1);
  if (source !== undefined) equals(file.source, sources.find(source) ?? -1);
  if (minReward !== undefined) tests.push((row) => file.reward.at(row) >= minReward - 1e-6);
  if (maxReward !== undefined) tests.push((row) => file.reward.at(row) <= maxReward + 1e-6);
  if (minTokens !== undefined) tests.push((row) => file.tokens.at(row) >= minTokens);
  if (maxTokens !== undefined) tests.push((row) => file.tokens.at(row) <= maxTokens);
  if (label !== undefined) {
    const marked = [...labels.values()].filter((one) => one.label !== null);
    const meant = marked.filter((one) => ['any', 'none', one.label].includes(label));
    const hashes = new Set(meant.map(({ key }) => hashOf(key)));
    tests.push((row) => hashes.has(file.keyHash.at(row)) !== (label === 'none'));
  }
  return (row) => tests.every((test) => test(row));
}
