/**
 * A static copy: the server's answers stand in the page itself, all rows of each list, and the page filters them. Same
 * questions, same answers, no server.
 */
import type {
  CompareAnswer,
  Failure,
  GroupAnswer,
  GroupRow,
  GroupsAnswer,
  RolloutsAnswer,
  RolloutView,
  SampleRowView,
  SamplesAnswer,
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
  const all = find(path) as SamplesAnswer | undefined;
  if (!all) return undefined;
  const kept = all.samples.filter((row) => fitsSample(row, query));
  if (query.get('sort') === 'wrong-first') kept.sort((a, b) => (a.score ?? 2) - (b.score ?? 2));
  if (query.get('sort') === 'longest') {
    kept.sort((a, b) => (b.answer?.length ?? 0) - (a.answer?.length ?? 0));
  }
  return pageOf(kept, query, 'samples');
}

function compared(query: URLSearchParams): CompareAnswer | undefined {
  const all = find(`/api/compare?a=${query.get('a')}&b=${query.get('b')}`) as
    | CompareAnswer
    | undefined;
  if (!all) return undefined;
  const flipped = query.get('flipped');
  const kept = all.rows.filter(
    (row) =>
      isIn(query.get('text'), row.question, row.reference, row.a.answer, row.b.answer) &&
      isSame(query.get('task'), row.task) &&
      (!flipped || (flipped === 'any' ? row.flipped !== null : row.flipped === flipped)),
  );
  return { ...all, ...pageOf(kept, query, 'rows') };
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
      isSame(query.get(name === 'judge' ? 'verdict' : name), agreementOf(it, name)),
    );
}

function agreementOf(it: RolloutView, name: string): 'right' | 'wrong' | 'none' {
  const component = it.components[name];
  if (component?.kind !== 'scored') return 'none';
  return component.value >= 0.5 ? 'right' : 'wrong';
}

function fitsSample(row: SampleRowView, query: URLSearchParams): boolean {
  const [dimension, value] = (query.get('subgroup') ?? '').split('=');
  return (
    isSame(query.get('task'), row.task) &&
    isSame(query.get('kind'), row.kind) &&
    isSame(query.get('outcome'), row.outcome) &&
    isSame(query.get('cause'), row.cause) &&
    isIn(query.get('text'), row.question, row.reference, row.answer) &&
    (!dimension || row.subgroups[dimension] === value)
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
