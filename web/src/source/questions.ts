/** Everything that the page asks, typed by the server's routes. A static copy answers the same questions itself. */
import { hc } from 'hono/client';
import type { ViewApp } from '../../../src/server/view/view-app.ts';
import type {
  CheatingAnswer,
  CompareAnswer,
  ConfigDiffAnswer,
  EvaluationAnswer,
  Failure,
  GroupAnswer,
  GroupPlace,
  GroupsAnswer,
  LabelValue,
  LabelView,
  MetricsAnswer,
  RolloutsAnswer,
  RunAnswer,
  RunsAnswer,
  SampleAnswer,
  SamplesAnswer,
} from '../../../src/server/view/wire.ts';
import type { Settings } from '../address.ts';
import { copied, copyOfImage, isCopy } from './copy.ts';
import { type Question, Refusal } from './store.ts';

const base = isCopy ? 'http://copy.invalid' : window.location.origin;
const client = hc<ViewApp>(base, isCopy ? { fetch: copied } : {});
const { api } = client;

type Reply = { readonly ok: boolean; json(): Promise<unknown> };

/** What the routes answer is what `wire.ts` says: `view-app.ts` does not compile otherwise. */
async function read<T>(reply: Promise<Reply>): Promise<T> {
  const answer = await reply;
  const body = await answer.json();
  if (!answer.ok) throw new Refusal(body as Failure);
  return body as T;
}

function question<T>(
  about: string | undefined,
  parts: readonly unknown[],
  ask: () => Promise<Reply>,
): Question<T> {
  return { key: JSON.stringify(parts), about, ask: () => read<T>(ask()) };
}

const part = encodeURIComponent;

export const ask = {
  runs: () => question<RunsAnswer>(undefined, ['runs'], () => api.runs.$get()),
  run: (id: string) =>
    question<RunAnswer>(id, ['run', id], () => api.runs[':id'].$get({ param: { id: part(id) } })),
  metrics: (id: string) =>
    question<MetricsAnswer>(id, ['metrics', id], () =>
      api.runs[':id'].metrics.$get({ param: { id: part(id) } }),
    ),
  configDiff: (id: string, other: string) =>
    question<ConfigDiffAnswer>(id, ['diff', id, other], () =>
      api.runs[':id']['config-diff'].$get({ param: { id: part(id) }, query: { with: other } }),
    ),
  groups: (id: string, query: Settings) =>
    question<GroupsAnswer>(id, ['groups', id, query], () =>
      api.runs[':id'].groups.$get({ param: { id: part(id) }, query: given(query) }),
    ),
  group: (id: string, place: GroupPlace) =>
    question<GroupAnswer>(id, ['group', id, place], () =>
      api.runs[':id'].groups[':iteration{[0-9]+}'][':group{[0-9]+}'].$get({
        param: { id: part(id), iteration: String(place.iteration), group: String(place.group) },
        query: { part: place.part },
      }),
    ),
  rollouts: (id: string, query: Settings) =>
    question<RolloutsAnswer>(id, ['rollouts', id, query], () =>
      api.runs[':id'].rollouts.$get({ param: { id: part(id) }, query: given(query) }),
    ),
  cheating: (id: string) =>
    question<CheatingAnswer>(id, ['cheating', id], () =>
      api.runs[':id'].cheating.$get({ param: { id: part(id) } }),
    ),
  evaluation: (id: string) =>
    question<EvaluationAnswer>(id, ['evaluation', id], () =>
      api.evaluations[':id'].$get({ param: { id: part(id) } }),
    ),
  samples: (id: string, query: Settings) =>
    question<SamplesAnswer>(id, ['samples', id, query], () =>
      api.evaluations[':id'].samples.$get({ param: { id: part(id) }, query: given(query) }),
    ),
  sample: (id: string, task: string, sampleId: string) =>
    question<SampleAnswer>(id, ['sample', id, task, sampleId], () =>
      api.evaluations[':id'].samples[':task'][':sampleId'].$get({
        param: { id: part(id), task: part(task), sampleId: part(sampleId) },
      }),
    ),
  compare: (a: string, b: string, query: Settings) =>
    question<CompareAnswer>(undefined, ['compare', a, b, query], () =>
      api.compare.$get({ query: { ...given(query), a, b } }),
    ),
};

export function sendLabel(body: {
  readonly run?: string;
  readonly evaluation?: string;
  readonly key: string;
  readonly label: LabelValue | null;
  readonly note: string;
}): Promise<LabelView> {
  return read<LabelView>(api.labels.$post({ json: body }));
}

function given(query: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).filter((entry): entry is [string, string] => !!entry[1]),
  );
}

/** Address of an image of a run; undefined where a static copy came without it. */
export function runImage(id: string, name: string): string | undefined {
  const address = `/api/runs/${part(id)}/images/${part(name)}`;
  return isCopy ? copyOfImage(address) : address;
}

export function evaluationImage(id: string, task: string, digest: string): string | undefined {
  const address = `/api/evaluations/${part(id)}/images/${part(task)}/${part(digest)}`;
  return isCopy ? copyOfImage(address) : address;
}

export function reportAddress(id: string, name: string): string {
  return `${base}/api/evaluations/${part(id)}/${name}`;
}

export { isCopy };
