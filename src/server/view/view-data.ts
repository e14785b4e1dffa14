/** What the routes of `medix view` ask; undefined where there is no such run, evaluation or place. */
import type { z } from 'zod';
import type {
  ChangeEvent,
  CheatingAnswer,
  CompareAnswer,
  ConfigDiffAnswer,
  compareQuery,
  EvaluationAnswer,
  GroupAnswer,
  GroupPlace,
  GroupsAnswer,
  groupsQuery,
  LabelView,
  labelBody,
  MetricsAnswer,
  RolloutsAnswer,
  RunAnswer,
  RunsAnswer,
  rolloutsQuery,
  SampleAnswer,
  SamplesAnswer,
  samplesQuery,
} from './wire.ts';

type Found<T> = Promise<T | undefined>;
export type Image = { readonly bytes: Uint8Array<ArrayBuffer>; readonly type: string };

export type ViewData = {
  runs(): Promise<RunsAnswer>;
  run(id: string): Found<RunAnswer>;
  metrics(id: string): Found<MetricsAnswer>;
  configDiff(id: string, other: string): Found<ConfigDiffAnswer>;
  groups(id: string, query: z.output<typeof groupsQuery>): Found<GroupsAnswer>;
  group(id: string, place: GroupPlace): Found<GroupAnswer>;
  rollouts(id: string, query: z.output<typeof rolloutsQuery>): Found<RolloutsAnswer>;
  cheating(id: string): Found<CheatingAnswer>;
  runImage(id: string, name: string): Found<Image>;
  evaluation(id: string): Found<EvaluationAnswer>;
  samples(id: string, query: z.output<typeof samplesQuery>): Found<SamplesAnswer>;
  sample(id: string, task: string, sampleId: string): Found<SampleAnswer>;
  evaluationImage(id: string, task: string, digest: string): Found<Image>;
  htmlReport(id: string): Found<string>;
  compare(query: z.output<typeof compareQuery>): Found<CompareAnswer>;
  /** The one thing that is written. */
  label(body: z.output<typeof labelBody>): Found<LabelView>;
  /** @returns ends the subscription */
  subscribe(listener: (event: ChangeEvent) => void): () => void;
};
