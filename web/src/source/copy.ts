/**
 * A static copy: the server's answers stand in the page itself, all rows of each list, and the page filters them. Same
 * questions, same answers, no server.
 */
import { comparisonOf, samplesOf } from '../../../src/server/view/sample-lists.ts';
import {
  type CompareAnswer,
  compareQuery,
  type EvaluationAnswer,
  type Failure,
  type GroupAnswer,
  type GroupRow,
  type GroupsAnswer,
  type RolloutsAnswer,
  type RolloutView,
  type SampleRowView,
  type SamplesAnswer,
  samplesQuery,
} from '../../../src/server/view/wire.ts';

type Copy = Readonly<Record<string, unknown>>;

const element = document.getElementById('medix-export');
const copy: Copy | undefined = element ? JSON.parse(element.textContent ?? '{}') : undefined;

export const isCopy = copy !== undefined;

export function copyOfImage(address: string): string | undefined {
  return find(address) as string | undefined;
}

/** Stands in for `fetch`. */
export async function copied(input: RequestInfo | URL): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input);
  const answer = answerTo(url.pathname, url.searchParams);
  return answer === undefined
    ? Response.json(absent, { status: 404 })
    : Response.json(answer, { status: 200 });
}

const absent: Failure = {
  error: 'This copy does not hold that.',
  next: 'Open the run with `medix view`, or export it again.',
};

/** Addresses are compared as they read, however their parts were encoded. */
function find(address: string): unknown {
  return copy?.[address] ?? copy?.[decodeURIComponent(address)];
}

function answerTo(path: string, query: URLSearchParams): unknown {
  if (path === '/api/compare') return compared(query);
  const [, list] = /\/(groups|rollouts|samples)$/.exec(path) ?? [];
  if (list === 'groups') return groups(path, query);
  if (list === 'rollouts') return rollouts(path.replace(/rollouts$/, 'groups'), query);
  if (list === 'samples') return samples(path, query);
  const part = query.get('part') ?? 'training';
  return find(path.replace(/\/groups\/(\d+\/\d+)$/, `/groups/${part}/$1`));
}

function groups(path: string, query: URLSearchParams): GroupsAnswer | undefined {
  const all = find(path) as GroupsAnswer | undefined;
  if (!all) return undefined;
  const fits = rolloutFilter(query);
  const kept = all.groups.filter((row) => {
    const whole = groupOf(path, row);
    return whole ? whole.rollouts.some(fits(row)) : fitsRow(row, query);
  });
  return { ...all, ...pageOf(sorted(kept, query, groupValue), query, 'groups') };
}

function rollouts(path: string, query: URLSearchParams): RolloutsAnswer | undefined {
  const all = find(path) as GroupsAnswer | undefined;
  if (!all) return undefined;
  const fits = rolloutFilter(query);
  const kept = all.groups.flatMap((row) => groupOf(path, row)?.rollouts.filter(fits(row)) ?? []);
  return { index: all.index, ...pageOf(sorted(kept, query, rolloutValue), query, 'rollouts') };
}

function groupOf(path: string, row: GroupRow): GroupAnswer | undefined {
  return find(`${path}/${row.part}/${row.iteration}/${row.group}`) as GroupAnswer | undefined;
}

function samples(path: string, query: URLSearchParams): SamplesAnswer | undefined {
  const rows = rowsOf(path.replace(/\/samples$/, ''), query, query.get('judging') ?? '');
  return rows && samplesOf(rows, samplesQuery.parse(Object.fromEntries(query)));
}

/** Samples of an evaluation in the variant that is asked for, by this judging or else by its own. */
function rowsOf(
  evaluation: string,
  query: URLSearchParams,
  asked: string,
): readonly SampleRowView[] | undefined {
  const known = find(evaluation) as EvaluationAnswer | undefined;
  if (!known) return undefined;
  const { judgings } = known.evaluation;
  const judging = judgings.includes(asked) ? asked : (known.judging ?? judgings[0] ?? '');
  const variant = query.get('variant') ?? 'original';
  return find(`${evaluation}/samples?variant=${variant}&judging=${judging}`) as
    | readonly SampleRowView[]
    | undefined;
}

function compared(query: URLSearchParams): CompareAnswer | undefined {
  const [a, b] = ['a', 'b'].map((side) => {
    const evaluation = `/api/evaluations/${query.get(side)}`;
    const summary = (find(evaluation) as EvaluationAnswer | undefined)?.evaluation;
    const rows = rowsOf(evaluation, query, '');
    return summary && rows && { summary, rows };
  });
  if (!a || !b) return undefined;
  const asked = compareQuery.parse(Object.fromEntries(query));
  return { a: a.summary, b: b.summary, ...comparisonOf(a.rows, b.rows, asked) };
}

function pageOf<Row, Name extends string>(
  rows: readonly Row[],
  query: URLSearchParams,
  name: Name,
) {
  const offset = Number(query.get('offset') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  const page = { total: rows.length, offset };
  return { ...page, [name]: rows.slice(offset, offset + limit) } as typeof page &
    Record<Name, readonly Row[]>;
}

function isSame(wanted: string | null, value: string | null): boolean {
  return !wanted || wanted === value;
}

function isIn(wanted: string | null, ...texts: readonly (string | null)[]): boolean {
  if (!wanted) return true;
  const sought = wanted.toLowerCase();
  return texts.some((text) => text?.toLowerCase().includes(sought));
}

function isBetween(value: number | null, low: string | null, high: string | null): boolean {
  if (!low && !high) return true;
  if (value === null) return false;
  return (!low || value >= Number(low)) && (!high || value <= Number(high));
}

function isInIterations(iteration: number, wanted: string | null): boolean {
  if (!wanted) return true;
  const [first = '', last = first] = wanted.split('-');
  return iteration >= Number(first) && iteration <= Number(last);
}

function isLabelled(label: string | null, wanted: string | null): boolean {
  if (!wanted) return true;
  if (wanted === 'any') return label !== null;
  return wanted === 'none' ? label === null : label === wanted;
}

function fitsPlace(row: GroupRow, query: URLSearchParams): boolean {
  return (
    isInIterations(row.iteration, query.get('iteration')) &&
    isSame(query.get('part'), row.part) &&
    isSame(query.get('cause'), row.cause) &&
    isSame(query.get('tag'), row.modality) &&
    isSame(query.get('source'), row.source)
  );
}

function fitsRow(row: GroupRow, query: URLSearchParams): boolean {
  return (
    fitsPlace(row, query) &&
    isSame(query.get('use'), row.use) &&
    isIn(query.get('text'), row.question, row.reference) &&
    row.rewards.some((it) => isBetween(it, query.get('minReward'), query.get('maxReward')))
  );
}

function rolloutFilter(query: URLSearchParams) {
  return (row: GroupRow) => (it: RolloutView) =>
    fitsPlace(row, query) &&
    isSame(query.get('use'), it.use) &&
    isIn(query.get('text'), it.question, it.reference, it.completion) &&
    isBetween(it.reward, query.get('minReward'), query.get('maxReward')) &&
    isBetween(it.completionTokens, query.get('minTokens'), query.get('maxTokens')) &&
    isLabelled(it.label?.label ?? null, query.get('label')) &&
    (['judge', 'similarity', 'rule'] as const).every((name) =>
      isSame(query.get(name === 'judge' ? 'verdict' : name), it.agreements[name]),
    );
}

const groupValue = (row: GroupRow, by: string) =>
  by === 'spread' ? row.spread : by === 'reward' ? row.mean : row.iteration;
const rolloutValue = (it: RolloutView, by: string) =>
  ({ reward: it.reward, tokens: it.completionTokens, advantage: it.advantage })[by] ?? it.iteration;

function sorted<Row>(
  rows: readonly Row[],
  query: URLSearchParams,
  value: (row: Row, by: string) => number | null,
): readonly Row[] {
  const sort = query.get('sort') ?? 'newest';
  const by = sort.replace(/^-/, '');
  const sign = sort.startsWith('-') || sort === 'newest' ? -1 : 1;
  const of = (row: Row) => value(row, by) ?? Number.NEGATIVE_INFINITY;
  return rows.toSorted((a, b) => sign * (of(a) - of(b)));
}
