/** A run in a line of the list, and in full. */
import { basename, join } from 'node:path';
import { foundAt, readText } from '../../core/files.ts';
import { type MetricMeaning, meaningsOf } from '../../run/metric-meanings.ts';
import type { EventLine, MetricsLine } from '../../run/records.ts';
import { eventInWords } from './event-words.ts';
import type { RunState } from './run-state.ts';
import type { Command, RunAnswer, RunSummary, ValidationView } from './wire.ts';

const sparkPoints = 60;

export function summaryOf(run: RunState): RunSummary {
  const { source, status } = run;
  const { manifest, folder } = source;
  const config = recordOf(manifest['config']);
  const kind = manifest['kind'] === 'sft' ? 'sft' : 'train';
  const lines = run.metrics();
  const iteration = lines.at(-1)?.iteration ?? 0;
  const iterations = numberOf(config['iterations']) ?? iterationsOf(run.events);
  const shown = shownMetric(kind, lines);
  const values = lines.flatMap((line) => line.values[shown.metric] ?? []);
  const best = kind === 'sft' ? Math.min(...values) : Math.max(...values);
  const files = [...run.files.values()];
  return {
    id: source.id,
    kind,
    name: basename(folder),
    path: folder,
    status,
    iteration,
    iterations,
    progress: iterations === null || iterations === 0 ? null : Math.min(1, iteration / iterations),
    secondsLeft: status === 'running' ? secondsLeft(lines, iterations) : null,
    bestReward: values.length === 0 ? null : best,
    shownMetric: shown.metric,
    sparkline: thinned(
      lines.flatMap((line) =>
        shown.metric in line.values ? [line.values[shown.metric] ?? null] : [],
      ),
    ),
    createdAt: textOf(manifest['createdAt']),
    model: textOf(config['model']),
    rollouts: {
      training: files.filter(({ part }) => part === 'training').length,
      validation: files.filter(({ part }) => part === 'validation').length,
    },
    alarms: run.events.filter(({ kind: of }) => of === 'alarm').length,
    problems: [...versionProblem(manifest), ...run.problems],
  };
}

/** A manifest that is not as this version writes it. */
function versionProblem(manifest: Readonly<Record<string, unknown>>): string[] {
  const { kind } = manifest;
  if (kind === 'train' || kind === 'sft') return [];
  const version = textOf(recordOf(manifest['facts'])['medix']);
  const by = version === null ? 'another version' : `version ${version}`;
  return [
    `This run was written by ${by} of MediX, which this one does not know in full; what it knows is shown.`,
  ];
}

function shownMetric(kind: 'train' | 'sft', lines: readonly MetricsLine[]): { metric: string } {
  const has = (metric: string) =>
    lines.filter(({ values }) => typeof values[metric] === 'number').length;
  if (kind === 'sft')
    return { metric: has('validation/loss') > 1 ? 'validation/loss' : 'sft/loss' };
  const metric = has('validation/reward/mean') > 2 ? 'validation/reward/mean' : 'reward/mean';
  return { metric };
}

function secondsLeft(lines: readonly MetricsLine[], iterations: number | null): number | null {
  const recent = lines.slice(-11);
  const [first, last] = [recent[0], recent.at(-1)];
  if (iterations === null || !first || !last || last.iteration <= first.iteration) return null;
  const ms = Date.parse(last.at) - Date.parse(first.at);
  const perIteration = ms / (last.iteration - first.iteration) / 1000;
  return Math.max(0, Math.round(perIteration * (iterations - last.iteration)));
}

function thinned(values: readonly (number | null)[]): (number | null)[] {
  if (values.length <= sparkPoints) return [...values];
  return Array.from(
    { length: sparkPoints },
    (_, place) => values[Math.round((place * (values.length - 1)) / (sparkPoints - 1))] ?? null,
  );
}

function iterationsOf(events: readonly EventLine[]): number | null {
  const started = events.findLast(({ kind }) => kind === 'started');
  return numberOf(started?.['iterations']);
}

export async function runAnswer(
  run: RunState,
  meanings: readonly MetricMeaning[],
): Promise<RunAnswer> {
  const { source, attempts, events } = run;
  const lines = run.metrics();
  const names = new Set(lines.flatMap(({ values }) => Object.keys(values)));
  const validations = lines.filter(({ values }) =>
    Object.keys(values).some((name) => name.startsWith('validation/')),
  );
  return {
    run: summaryOf(run),
    config: recordOf(source.manifest['config']),
    facts: recordOf(source.manifest['facts']),
    attempts: attempts.map(({ attempt, fromIteration, startedAt, ended, overrides, host }) => ({
      ...{ attempt, fromIteration, startedAt, ended, overrides, host },
    })),
    events: events.map((line) => {
      const { at, attempt, iteration, kind, ...facts } = line;
      return { at, attempt, iteration, kind, inWords: eventInWords(line), facts };
    }),
    meanings: meaningsOf(meanings, [...names]),
    commands: await commandsOf(run),
    validation: {
      before: validationOf(validations[0]),
      after: validations.length > 1 ? validationOf(validations.at(-1)) : null,
    },
    summary: await readText(join(source.folder, 'summary.json'))
      .then((text): unknown => JSON.parse(text))
      .catch(() => null),
  };
}

function validationOf(line: MetricsLine | undefined): ValidationView | null {
  if (line === undefined) return null;
  const values = Object.entries(line.values).filter(([name]) => name.startsWith('validation/'));
  return { iteration: line.iteration, values: Object.fromEntries(values) };
}

async function commandsOf({ source, status }: RunState): Promise<Command[]> {
  const { folder, manifest } = source;
  const path = shellWord(folder);
  const kind = manifest['kind'] === 'sft' ? 'sft' : 'train';
  const config = recordOf(manifest['config']);
  const repeat: Command = {
    what: 'repeat',
    command: `medix ${kind} ${leavesOf(config)
      .filter(([field]) => field !== 'out')
      .map(([field, value]) => shellWord(`${field}=${value}`))
      .join(' ')} ${shellWord(`out=${folder}-again`)}`,
    note: 'the same config into another folder; every field is given, so that later defaults change nothing',
  };
  const resume: Command = {
    what: 'resume',
    command: `medix ${kind} --resume ${path}`,
    note:
      status === 'running'
        ? 'it is running; this works once it has ended'
        : status === 'finished'
          ? 'it is finished: add iterations=N with a larger N'
          : 'it goes on from its last checkpoint',
  };
  const hasModel = (await foundAt(join(folder, 'model')).catch(() => 'missing')) === 'folder';
  const evaluate: Command = {
    what: 'evaluate',
    command: `medix eval run ${shellWord(`model.path=${join(folder, 'model')}`)} ${shellWord(`out=evals/${basename(folder)}`)}`,
    note: hasModel
      ? 'the model that the run made'
      : 'there is no model yet: it is written at the end',
  };
  const certify: Command = {
    what: 'certify',
    command: `medix judge labels ${path} --out labels-for-judge.jsonl`,
    note: 'your labels as a file for `medix judge certify probes=labels-for-judge.jsonl`',
  };
  const view: Command = { what: 'view', command: `medix view ${path}`, note: 'this page' };
  return [repeat, resume, evaluate, certify, view];
}

/** Leaves of a config as `key=value` takes them; lists and empty sections as JSON. */
function leavesOf(value: unknown, field = ''): [string, string][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const entries = Object.entries(value);
    if (entries.length > 0 || field === '') {
      return entries.flatMap(([name, one]) =>
        leavesOf(one, field === '' ? name : `${field}.${name}`),
      );
    }
  }
  return [[field, typeof value === 'string' ? value : JSON.stringify(value)]];
}

/** A word that a POSIX shell takes as it is. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as Readonly<Record<string, unknown>>) : {};
}

export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
