/** Arguments that name a config: a file, `key=value` changes, or the run to resume. */
import { stringify } from 'yaml';
import type { z } from 'zod';
import { formatFields, listFields } from '../config/field-list.ts';
import { readConfig } from '../config/read-config.ts';
import { fail } from '../core/errors.ts';
import type { Manifest } from '../run/records.ts';
import { readManifest } from '../run/run-reader.ts';

export type ConfigArguments = {
  /** Positional arguments: at most one file and any number of `key=value`. */
  readonly words: readonly string[];
  /** Directory of the run to resume. */
  readonly resume?: string;
};

export type ReadArguments<Config> = {
  readonly config: Config;
  readonly overrides: readonly string[];
};

/** Fields that a run was built on: to change them is to start another run. */
const fixedFields = ['model', 'data', 'seed', 'out'];

/** They say where and what the same data are; a run of an earlier version has none of them. */
const readingFields = ['data.imageRoot', 'data.textOnly', 'data.cache'];

/**
 * The config of a new run, or of the run to resume, under the changes given.
 * @throws MedixError 'config' with all that is wrong, 'run' when there is no such run.
 */
export async function readArguments<Schema extends z.ZodType>(
  schema: Schema,
  kind: Manifest['kind'],
  { words, resume }: ConfigArguments,
): Promise<ReadArguments<z.output<Schema>>> {
  if (resume === undefined) return readConfigArguments(schema, words);
  const { files, overrides } = sortWords(words);
  if (files.length > 0) refuseFiles('no config file together with --resume', files);
  const manifest = await readManifest(resume);
  requireSameRun(manifest, kind, resume, overrides);
  const base = { ...manifest.config, out: resume };
  return { config: await readConfig(schema, { base, overrides }), overrides };
}

/**
 * The config that a file and changes to it give, for commands without runs.
 * @throws MedixError 'config' with all that is wrong.
 */
export async function readConfigArguments<Schema extends z.ZodType>(
  schema: Schema,
  words: readonly string[],
): Promise<ReadArguments<z.output<Schema>>> {
  const { files, overrides } = sortWords(words);
  if (files.length > 1) refuseFiles('one config file', files);
  const base = files[0];
  return {
    config: await readConfig(schema, { ...(base === undefined ? {} : { base }), overrides }),
    overrides,
  };
}

/** The resolved config as YAML, for the terminal. */
export function formatConfig(config: unknown): string {
  return stringify(config).trimEnd();
}

/** {@link fieldsHelp} for commands that make runs. */
export function configHelp(schema: z.ZodType): () => string {
  return fieldsHelp(schema, [
    '--resume takes the config that the run was started with; key=value arguments change it.',
  ]);
}

/** Help on the config's fields, made when it is asked for: a schema takes long to read. */
export function fieldsHelp(schema: z.ZodType, notes: readonly string[] = []): () => string {
  return () =>
    [
      '',
      'Arguments are a YAML or JSON file, changes to it as key=value, or both.',
      ...notes,
      '',
      'Config fields:',
      formatFields(listFields(schema)),
    ].join('\n');
}

function sortWords(words: readonly string[]) {
  return {
    overrides: words.filter((word) => word.includes('=')),
    files: words.filter((word) => !word.includes('=')),
  };
}

function refuseFiles(expected: string, files: readonly string[]): never {
  return fail('config', {
    where: 'command line',
    expected,
    got: files.join(' '),
    next: 'write changes as key=value',
  });
}

function requireSameRun(
  manifest: Manifest,
  kind: Manifest['kind'],
  resume: string,
  overrides: readonly string[],
): void {
  if (manifest.kind !== kind) {
    fail('run', {
      where: resume,
      expected: `a run of medix ${kind}`,
      got: `a run of medix ${manifest.kind}`,
      next: `use medix ${manifest.kind} --resume ${resume}`,
    });
  }
  const fixed = overrides.find(
    (override) =>
      fixedFields.includes(override.split(/[.=]/, 1)[0] ?? '') &&
      !readingFields.includes(override.split('=', 1)[0] ?? ''),
  );
  if (fixed === undefined) return;
  fail('config', {
    where: 'command line',
    expected: `no change to ${fixedFields.join(', ')} of a run that has begun`,
    got: fixed,
    next: 'leave it out, or start a new run',
  });
}
