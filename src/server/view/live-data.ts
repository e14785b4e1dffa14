/** What is on disk, as the routes ask for it; kept in memory no longer than it stays as it is. */
import { basename, join } from 'node:path';
import { configChanges } from '../../config/config-changes.ts';
import { type EvalConfig, evalConfigSchema } from '../../config/eval-config.ts';
import type { WallClock } from '../../core/async/clock.ts';
import { MedixError, messageOf } from '../../core/errors.ts';
import { readBytes, readText } from '../../core/files.ts';
import { openEvaluatedTask } from '../../eval/evaluation/open-evaluation.ts';
import { readTaskSamples } from '../../eval/tasks/read-task-samples.ts';
import { rasterFormat } from '../../image/image-name.ts';
import { toPng } from '../../image/raster.ts';
import { certificateSchema } from '../../judge/certificate/certificate.ts';
import { appendLabel, type LabelLine, readLabels } from '../../run/labels.ts';
import { readMetricMeanings } from '../../run/metric-meanings.ts';
import { packageVersion } from '../../run/run-facts.ts';
import { agreementsOf, answerIn } from '../../train/monitor/agreement.ts';
import { Changes } from './changes.ts';
import { CheatingPanels } from './cheating.ts';
import { hashOf } from './columns.ts';
import {
  compareAnswer,
  evaluationAnswer,
  evaluationSummary,
  sampleAnswer,
  samplesAnswer,
} from './evaluation-views.ts';
import { groupAnswer, groupsAnswer, rolloutsAnswer } from './group-views.ts';
import { imageName } from './rollout-file.ts';
import { RunState } from './run-state.ts';
import { runAnswer, summaryOf } from './run-summary.ts';
import { findSources, firstRows, type OtherSource, type Source, type Sources } from './sources.ts';
import type { Image, ViewData } from './view-data.ts';
import type { LabelView, OtherFile } from './wire.ts';

/** Milliseconds for which the list of folders is taken as it was. */
const listedForMs = 1000;
const keptImages = 200;
const mostImageBytes = 2 ** 26;

/** Formats that browsers show. */
const shownTypes = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']);

export type LiveData = ViewData & { close(): void };

export function openLiveData(folders: readonly string[], clock: WallClock): LiveData {
  const runs = new Map<string, RunState>();
  const panels = new CheatingPanels();
  const images = new Map<string, Image>();
  let listed: { readonly at: number; readonly sources: Promise<Sources> } | undefined;

  const list = (): Promise<Sources> => {
    const at = clock();
    if (listed === undefined || at - listed.at >= listedForMs) {
      listed = { at, sources: findSources(folders) };
    }
    return listed.sources;
  };
  const changes = new Changes(async () => (await list()).sources);
  const meanings = readMetricMeanings();

  const find = async (id: string, kind: Source['kind']) => {
    const { sources } = await list();
    return sources.find((one) => one.id === id && one.kind === kind);
  };
  const stateOf = (source: Source): RunState => {
    const known = runs.get(source.id) ?? new RunState(source);
    known.source = source;
    runs.set(source.id, known);
    return known;
  };
  const runOf = async (id: string): Promise<RunState | undefined> => {
    const source = await find(id, 'run');
    if (source === undefined) return undefined;
    const run = stateOf(source);
    await run.refresh();
    return run;
  };
  const withRun = async <T>(id: string, work: (run: RunState) => T | Promise<T>) => {
    const run = await runOf(id);
    return run === undefined ? undefined : work(run);
  };
  const withEvaluation = async <T>(id: string, work: (source: Source) => Promise<T>) => {
    const source = await find(id, 'evaluation');
    return source === undefined ? undefined : work(source);
  };
  const keep = (key: string, image: Image): Image => {
    images.set(key, image);
    const [oldest] = images.keys();
    if (images.size > keptImages && oldest !== undefined) images.delete(oldest);
    return image;
  };

  return {
    runs: async () => {
      const { sources, others, problems } = await list();
      const found = sources.filter(({ kind }) => kind === 'run').map(stateOf);
      await Promise.all(found.flatMap((run) => [run.refresh(), run.listFiles()]));
      const evaluations = sources.filter(({ kind }) => kind === 'evaluation');
      return {
        runs: found.map(summaryOf).sort(newestFirst),
        evaluations: (await Promise.all(evaluations.map(evaluationSummary))).sort(newestFirst),
        others: await Promise.all(others.map(otherFile)),
        folders,
        problems,
        version: await packageVersion(),
        isExport: false,
      };
    },
    run: (id) =>
      withRun(id, async (run) => {
        await run.listFiles();
        return runAnswer(run, await meanings);
      }),
    metrics: (id) =>
      withRun(id, (run) => {
        const lines = run.metrics();
        const names = [...new Set(lines.flatMap(({ values }) => Object.keys(values)))];
        return {
          iterations: lines.map(({ iteration }) => iteration),
          values: Object.fromEntries(
            names.map((name) => [name, lines.map(({ values }) => values[name] ?? null)]),
          ),
        };
      }),
    configDiff: async (id, other) => {
      const [one, two] = [await find(id, 'run'), await find(other, 'run')];
      if (one === undefined || two === undefined) return undefined;
      const [here, there] = [one.manifest['config'] ?? {}, two.manifest['config'] ?? {}];
      const differences = configChanges(here, there);
      return {
        run: id,
        with: other,
        differences: differences.map(({ field, was, is }) => ({
          field,
          ...(was === undefined ? {} : { here: was }),
          ...(is === undefined ? {} : { there: is }),
        })),
        same: leavesIn(here) - differences.filter(({ was }) => was !== undefined).length,
      };
    },
    groups: (id, query) =>
      withRun(id, async (run) => groupsAnswer(run, query, await readLabels(run.source.folder))),
    group: (id, place) =>
      withRun(id, async (run) => groupAnswer(run, place, await readLabels(run.source.folder))),
    rollouts: (id, query) =>
      withRun(id, async (run) => rolloutsAnswer(run, query, await readLabels(run.source.folder))),
    cheating: (id) => withRun(id, (run) => panels.answer(run)),
    runImage: async (id, name) => {
      const source = await find(id, 'run');
      if (source === undefined || !imageName.test(name)) return undefined;
      const path = join(source.folder, 'images', name);
      const bytes = await readBytes(path, mostImageBytes).catch(() => undefined);
      return bytes && shown(bytes);
    },
    evaluation: (id) => withEvaluation(id, evaluationAnswer),
    samples: (id, query) =>
      withEvaluation(id, async (one) => samplesAnswer(one, query, await readLabels(one.folder))),
    sample: async (id, task, sampleId) =>
      withEvaluation(id, async (one) =>
        sampleAnswer(one, task, sampleId, await readLabels(one.folder)),
      ),
    evaluationImage: async (id, task, digest) => {
      const source = await find(id, 'evaluation');
      if (source === undefined || !/^[0-9a-f]{64}$/.test(digest)) return undefined;
      const key = `${id} ${task} ${digest}`;
      const known = images.get(key);
      if (known !== undefined) return known;
      const config = evalConfigSchema.safeParse(source.manifest['config']);
      if (!config.success) return undefined;
      const image = await findTaskImage(config.data, task, digest).catch(() => undefined);
      return image && keep(key, image);
    },
    htmlReport: async (id) =>
      withEvaluation(id, ({ folder }) => readText(join(folder, 'report.html')).catch(missing)),
    compare: async (query) => {
      const [a, b] = [await find(query.a, 'evaluation'), await find(query.b, 'evaluation')];
      return a === undefined || b === undefined ? undefined : compareAnswer(a, b, query);
    },
    label: async (body) => {
      const { run: runId, evaluation, key, label, note } = body;
      const run = runId === undefined ? undefined : await runOf(runId);
      const source =
        run?.source ??
        (evaluation === undefined ? undefined : await find(evaluation, 'evaluation'));
      if (source === undefined) return undefined;
      const asked = run ? await askedOfRollout(run, key) : await askedOfSample(source, key);
      if (asked === undefined) return undefined;
      const at = new Date(clock()).toISOString();
      await appendLabel(source.folder, { at, key, label, note, ...asked });
      changes.tell(source.id, 'labels');
      return { key, label, note, at } satisfies LabelView;
    },
    subscribe: (listener) => changes.subscribe(listener),
    close: () => changes.close(),
  };
}

function newestFirst(
  a: { readonly createdAt: string | null; readonly id: string },
  b: { readonly createdAt: string | null; readonly id: string },
): number {
  const [one, other] = [a.createdAt ?? '', b.createdAt ?? ''];
  if (one !== other) return one < other ? 1 : -1;
  return a.id < b.id ? -1 : 1;
}

function leavesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 1;
  return Object.values(value).reduce((sum: number, one) => sum + leavesIn(one), 0);
}

const missing = () => undefined;

async function shown(bytes: Buffer<ArrayBuffer>): Promise<Image | undefined> {
  const type = rasterFormat(bytes)?.mediaType;
  if (type !== undefined && shownTypes.has(type)) return { bytes, type };
  const png = await toPng(bytes).catch(missing);
  return png && { bytes: new Uint8Array(png), type: 'image/png' };
}

async function findTaskImage(
  config: EvalConfig,
  taskId: string,
  digest: string,
): Promise<Image | undefined> {
  const { task, source } = await openEvaluatedTask(taskId, config);
  const never = new AbortController().signal;
  for await (const row of readTaskSamples(task, source, never)) {
    if (row.kind !== 'sample') continue;
    const place = row.sample.imageDigests.indexOf(digest);
    const bytes = row.sample.images[place]?.bytes;
    if (bytes !== undefined) return shown(Buffer.from(bytes));
  }
  return undefined;
}

type AskedOf = Pick<LabelLine, 'question' | 'reference' | 'accepted' | 'answer' | 'judgedRight'>;

async function askedOfRollout(run: RunState, key: string): Promise<AskedOf | undefined> {
  await run.index(60_000);
  const hash = hashOf(key);
  for (const file of run.ordered()) {
    for (let row = 0; row < file.length; row++) {
      if (file.keyHash.at(row) !== hash) continue;
      const [line] = await file.lines([row]);
      if (line?.key !== key) continue;
      const { judge } = agreementsOf(line);
      return {
        question: line.question ?? '',
        reference: line.reference ?? '',
        accepted: line.accepted ?? [],
        answer: answerIn(line.completion),
        judgedRight: judge === 'none' ? null : judge === 'right',
      };
    }
  }
  return undefined;
}

async function askedOfSample(source: Source, key: string): Promise<AskedOf | undefined> {
  const [, task = '', sampleId = ''] = /^([^/]+)\/(.+)$/.exec(key) ?? [];
  const found = await sampleAnswer(source, task, sampleId, new Map());
  if (found === undefined) return undefined;
  const { row, accepted } = found;
  const isJudged = row.outcome === 'right' || row.outcome === 'wrong';
  return {
    question: row.question,
    reference: row.reference,
    accepted: [...accepted],
    answer: row.answer ?? '',
    judgedRight: isJudged ? row.outcome === 'right' : null,
  };
}

async function otherFile({ id, path, kind }: OtherSource): Promise<OtherFile> {
  try {
    if (kind === 'reward-scores') {
      const rows = await firstRows(path, 100);
      const summary = `${basename(path)}: rewards of responses, the first ${rows.length}`;
      return { id, kind, path, summary, content: rows };
    }
    const certificate = certificateSchema.parse(JSON.parse(await readText(path)));
    const { judge, overall } = certificate;
    const percent = (rate: { readonly value: number } | null) =>
      rate === null ? 'unknown' : `${(100 * rate.value).toFixed(1)} %`;
    const summary = `${judge.id} is right on ${percent(overall.sensitivity)} of right and ${percent(overall.specificity)} of wrong answers`;
    return { id, kind, path, summary, content: certificate };
  } catch (error) {
    const said = error instanceof MedixError ? messageOf(error) : 'it is of another version';
    return { id, kind, path, summary: `cannot be shown: ${said}`, content: null };
  }
}
