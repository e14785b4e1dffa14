/** Groups and rollouts of a run as the page shows them: filters first, then the order, then the page. */
import type { z } from 'zod';
import { parseResponse } from '../../data/response.ts';
import type { RolloutLine } from '../../run/records.ts';
import { readTokenStrip } from '../../run/token-strip.ts';
import { agreementsOf } from '../../train/monitor/agreement.ts';
import { hashOf } from './columns.ts';
import type { IndexedGroup, RolloutFile } from './rollout-file.ts';
import { fileMeets, type Labels, rowTest } from './rollout-filters.ts';
import type { RunState } from './run-state.ts';
import { textSearch } from './text-search.ts';
import {
  type ComponentView,
  type FilterChoices,
  type GroupAnswer,
  type GroupPlace,
  type GroupRow,
  type GroupsAnswer,
  type groupsQuery,
  type RolloutFilters,
  type RolloutsAnswer,
  type RolloutView,
  type rolloutsQuery,
  type Use,
  uses,
} from './wire.ts';

/** How long an answer waits for what is not indexed yet, in milliseconds. */
const patienceMs = 200;

/** Of a group that is listed: where it is, and what lists are ordered by. */
type Listed = {
  readonly file: RolloutFile;
  readonly place: number;
  /** Its rollouts that meet the filters. */
  readonly rows: readonly number[];
  readonly value: number;
};

export async function groupsAnswer(
  run: RunState,
  { sort, offset, limit, ...filters }: z.output<typeof groupsQuery>,
  labels: Labels,
): Promise<GroupsAnswer> {
  const index = await run.index(patienceMs);
  const listed: Listed[] = [];
  for await (const { file, meets } of filesThatMeet(run, filters, labels)) {
    for (const [place, group] of file.groups.entries()) {
      if (!run.isLive(group.attempt, file.iteration) || isSuperseded(file, group)) continue;
      const rows = group.rows.filter(meets);
      if (rows.length === 0) continue;
      listed.push({ file, place, rows, value: valueOfGroup(file, group, sort) });
    }
  }
  inOrder(listed, sort);
  const shown = listed.slice(offset, offset + limit);
  return {
    total: listed.length,
    offset,
    groups: await rowsOf(shown, labels),
    index,
    choices: choicesOf(run),
  };
}

/** Files that are searched for a text at one time: while one is looked through, others are read. */
const searchesAtOnce = 4;

async function* filesThatMeet(run: RunState, filters: RolloutFilters, labels: Labels) {
  const files = run.ordered().filter((file) => file.length > 0 && fileMeets(file, filters));
  const { text = '' } = filters;
  if (text === '') {
    for (const file of files) yield { file, meets: rowTest(file, filters, labels) };
    return;
  }
  const searches = Array.from({ length: searchesAtOnce }, () => textSearch(text));
  const ahead: Promise<ReadonlySet<number>>[] = [];
  for (const [place, file] of files.entries()) {
    // A search is free again once its last file's rows were waited for.
    for (let next = ahead.length; next < Math.min(files.length, place + searchesAtOnce); next++) {
      const [search, found] = [searches[next % searchesAtOnce], files[next]];
      if (search && found) ahead.push(search(found));
    }
    const holding = await ahead[place];
    const test = rowTest(file, filters, labels);
    yield { file, meets: (row: number) => holding?.has(row) === true && test(row) };
  }
}

/** Of two attempts that both count, the later one's rollouts of an iteration are the run's. */
function isSuperseded(file: RolloutFile, { attempt }: IndexedGroup): boolean {
  return (file.groups.at(-1)?.attempt ?? attempt) > attempt;
}

function valueOfGroup(file: RolloutFile, { rows }: IndexedGroup, sort: string): number {
  const by = sort.replace('-', '');
  if (by === 'reward') return meanOf(rewardsOf(file, rows)) ?? Number.NaN;
  if (by === 'spread') return spreadOf(rewardsOf(file, rows)) ?? Number.NaN;
  if (by === 'tokens') return meanOf(rows.map((row) => file.tokens.at(row))) ?? Number.NaN;
  return 0;
}

function rewardsOf(file: RolloutFile, rows: readonly number[]): number[] {
  return rows.map((row) => file.reward.at(row)).filter((reward) => !Number.isNaN(reward));
}

/** Files come newest first; `-` is descending, and what has no value comes last. */
function inOrder<T extends { readonly file: RolloutFile; readonly value: number }>(
  listed: T[],
  sort: string,
): void {
  if (sort === 'newest') return;
  if (sort === 'oldest') {
    listed.sort((a, b) => a.file.iteration - b.file.iteration);
    return;
  }
  const sign = sort.startsWith('-') ? -1 : 1;
  const rank = (value: number) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : sign * value);
  listed.sort((a, b) => {
    const [one, other] = [rank(a.value), rank(b.value)];
    return one === other ? 0 : one - other;
  });
}

async function rowsOf(
  shown: readonly Pick<Listed, 'file' | 'place'>[],
  labels: Labels,
): Promise<GroupRow[]> {
  const first = new Map<RolloutFile, number[]>();
  for (const { file, place } of shown) {
    first.set(file, [...(first.get(file) ?? []), file.groups[place]?.rows[0] ?? 0]);
  }
  const lines = new Map<RolloutFile, (RolloutLine | undefined)[]>();
  await Promise.all(
    [...first].map(async ([file, rows]) => {
      lines.set(file, await file.lines(rows));
    }),
  );
  const labelled = hashesOf(labels);
  return shown.flatMap(({ file, place }) => {
    const line = lines.get(file)?.shift();
    const group = file.groups[place];
    return group === undefined ? [] : [rowOf(file, place, group, line, labelled)];
  });
}

function hashesOf(labels: Labels): ReadonlySet<number> {
  const marked = [...labels.values()].filter((one) => one.label !== null || one.note !== '');
  return new Set(marked.map(({ key }) => hashOf(key)));
}

function rowOf(
  file: RolloutFile,
  place: number,
  group: IndexedGroup,
  line: RolloutLine | undefined,
  labelled: ReadonlySet<number>,
): GroupRow {
  const { rows } = group;
  const counts: Partial<Record<Use, number>> = {};
  for (const row of rows) {
    const use = file.useOf(row);
    counts[use] = (counts[use] ?? 0) + 1;
  }
  const cause = rows.map((row) => file.cause.at(row)).find((code) => code > 0) ?? group.cause;
  const rewards = rows.map((row) => file.reward.at(row));
  const [first = 0] = rows;
  return {
    part: file.part,
    iteration: file.iteration,
    group: place,
    sampleId: line?.sampleId ?? group.key,
    images: line?.images ?? [],
    question: line?.question ?? null,
    reference: line?.reference ?? null,
    modality: file.codes.tags.textOf(file.tag.at(first)),
    source: file.codes.sources.textOf(file.source.at(first)),
    rewards: rewards.map((reward) => (Number.isNaN(reward) ? null : float(reward))),
    mean: meanOf(rewardsOf(file, rows)) ?? null,
    spread: spreadOf(rewardsOf(file, rows)) ?? null,
    use: uses.find((use) => (counts[use] ?? 0) > 0) ?? 'unscored',
    uses: counts,
    cause: file.codes.causes.textOf(cause),
    truncated: rows.filter((row) => file.isCutOff.at(row) === 1).length,
    labels: rows.filter((row) => labelled.has(file.keyHash.at(row))).length,
  };
}

function choicesOf({ codes, files }: RunState): FilterChoices {
  const seen = [...files.values()].filter(({ length }) => length > 0);
  const iterations = seen.map(({ iteration }) => iteration);
  return {
    iterations:
      iterations.length === 0
        ? null
        : {
            first: iterations.reduce((a, b) => Math.min(a, b)),
            last: iterations.reduce((a, b) => Math.max(a, b)),
          },
    uses: uses.filter((use) => codes.uses.has(use)),
    causes: codes.causes.texts,
    tags: codes.tags.texts,
    sources: codes.sources.texts,
    components: codes.components.texts,
  };
}

export async function groupAnswer(
  run: RunState,
  { part, iteration, group: place }: GroupPlace,
  labels: Labels,
): Promise<GroupAnswer | undefined> {
  await run.listFiles();
  const file = run.files.get(`${part}/${iteration}`);
  await file?.refresh();
  const group = file?.groups[place];
  if (file === undefined || group === undefined) return undefined;
  const lines = await file.lines(group.rows);
  const [first] = lines;
  const row = rowOf(file, place, group, first, hashesOf(labels));
  const weights = weightsOf(run);
  return {
    row,
    prompt: lines.find((line) => line?.prompt !== undefined)?.prompt ?? null,
    accepted: first?.accepted ?? [],
    rubric: first?.rubric ?? [],
    rollouts: lines.flatMap((line) =>
      line === undefined ? [] : [rolloutView(line, file, place, weights, labels)],
    ),
    before: neighbour(run, file, place, -1),
    after: neighbour(run, file, place, 1),
  };
}

function neighbour(
  run: RunState,
  file: RolloutFile,
  place: number,
  step: -1 | 1,
): GroupPlace | null {
  const { part, iteration } = file;
  if (file.groups[place + step] !== undefined) return { part, iteration, group: place + step };
  const same = run.ordered().filter((one) => one.part === part && one.length > 0);
  const next = same[same.indexOf(file) - step];
  if (next === undefined) return null;
  return { part, iteration: next.iteration, group: step > 0 ? 0 : next.groups.length - 1 };
}

export async function rolloutsAnswer(
  run: RunState,
  { sort, offset, limit, ...filters }: z.output<typeof rolloutsQuery>,
  labels: Labels,
): Promise<RolloutsAnswer> {
  const index = await run.index(patienceMs);
  const listed: { file: RolloutFile; row: number; value: number }[] = [];
  const by = sort.replace('-', '');
  for await (const { file, meets } of filesThatMeet(run, filters, labels)) {
    for (let row = 0; row < file.length; row++) {
      const group = file.groups[file.group.at(row)];
      if (group === undefined || !run.isLive(group.attempt, file.iteration)) continue;
      if (isSuperseded(file, group) || !meets(row)) continue;
      listed.push({ file, row, value: valueOfRow(file, row, by) });
    }
  }
  inOrder(listed, sort);
  const weights = weightsOf(run);
  const shown = await Promise.all(
    listed.slice(offset, offset + limit).map(async ({ file, row }) => {
      const [line] = await file.lines([row]);
      return line && rolloutView(line, file, file.group.at(row), weights, labels);
    }),
  );
  return { total: listed.length, offset, rollouts: shown.flatMap((one) => one ?? []), index };
}

function valueOfRow(file: RolloutFile, row: number, by: string): number {
  if (by === 'reward') return file.reward.at(row);
  if (by === 'tokens') return file.tokens.at(row);
  return by === 'advantage' ? file.advantage.at(row) : 0;
}

/** Weights of the reward profile, where the run's facts name them. */
function weightsOf({ source }: RunState): Readonly<Record<string, unknown>> {
  const facts = source.manifest['facts'] as { profile?: { weights?: unknown } } | undefined;
  const weights = facts?.profile?.weights;
  return typeof weights === 'object' && weights !== null
    ? (weights as Readonly<Record<string, unknown>>)
    : {};
}

function rolloutView(
  line: RolloutLine,
  file: RolloutFile,
  group: number,
  weights: Readonly<Record<string, unknown>>,
  labels: Labels,
): RolloutView {
  const parsed = parseResponse(line.completion);
  const label = labels.get(line.key);
  const components = Object.entries(line.components).map(([name, score]) => {
    const weight = weights[name];
    return [name, componentView(name, score, typeof weight === 'number' ? weight : null)] as const;
  });
  return {
    key: line.key,
    part: file.part,
    iteration: file.iteration,
    group,
    sampleId: line.sampleId,
    question: line.question ?? null,
    reference: line.reference ?? null,
    images: line.images ?? [],
    completion: line.completion,
    thinking: parsed.thinking ?? null,
    answer: parsed.answer ?? null,
    reward: line.reward,
    components: Object.fromEntries(components),
    advantage: line.advantage,
    use: line.use,
    completionTokens: line.completionTokens,
    stopReason: line.stopReason,
    agreements: agreementsOf(line),
    logprob: line.logprob,
    tokens: line.tokens === undefined ? null : readTokenStrip(line.completion, line.tokens),
    label: label ? { key: label.key, label: label.label, note: label.note, at: label.at } : null,
  };
}

function componentView(name: string, score: unknown, weight: number | null): ComponentView {
  const known = (score ?? {}) as Readonly<Record<string, unknown>>;
  const text = (name: string) => (typeof known[name] === 'string' ? known[name] : null);
  if (known['kind'] === 'scored' && typeof known['value'] === 'number') {
    const { value, disagreement } = known;
    return {
      kind: 'scored',
      value,
      weight,
      detail: text('detail'),
      disagreement: typeof disagreement === 'number' ? disagreement : null,
      // A judge's reply is its detail.
      words: name === 'judge' ? text('detail') : null,
    };
  }
  const cause = text('cause') ?? 'unknown';
  return { kind: 'unscored', cause, message: text('message') ?? 'no score is on record' };
}

function meanOf(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return float(values.reduce((sum, value) => sum + value, 0) / values.length);
}

function spreadOf(values: readonly number[]): number | undefined {
  const mean = meanOf(values);
  if (mean === undefined) return undefined;
  const sum = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return float(Math.sqrt(sum / values.length));
}

/** A number of a column of 32 bits without the digits that it never had. */
function float(value: number): number {
  return Number(value.toPrecision(7));
}
