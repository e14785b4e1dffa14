/** Arguments that name a config: a file, `key=value` changes, or the run to resume. */
import { Option } from 'commander';
import { stringify } from 'yaml';
import type { z } from 'zod';
import {
  type ConfigChange,
  configChanges,
  requireAllowedChanges,
} from '../config/config-changes.ts';
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
  /** Fields that a resumed run may change beside those that are free. @default none */
  readonly allow?: readonly string[];
};

export type ReadArguments<Config> = {
  readonly config: Config;
  readonly overrides: readonly string[];
  /** What differs from the config that the run had so far. */
  readonly changes: readonly ConfigChange[];
};

/**
 * The config of a new run, or of the run to resume, under the changes given.
 * @throws MedixError 'config' with all that is wrong, or with what may not change unless it is allowed; 'run' when
 *   there is no such run.
 */
export async function readArguments<Schema extends z.ZodType>(
  schema: Schema,
  kind: Manifest['kind'],
  { words, resume, allow = [] }: ConfigArguments,
): Promise<ReadArguments<z.output<Schema>>> {
  if (resume === undefined) {
    if (allow.length > 0) refuseAllowed(allow);
    return readConfigArguments(schema, words);
  }
  const { files, overrides } = sortWords(words);
  if (files.length > 0) refuseFiles('no config file together with --resume', files);
  const manifest = await readManifest(resume);
  requireSameKind(manifest, kind, resume);
  const base = { ...manifest.config, out: resume };
  const config = await readConfig(schema, { base, overrides });
  // A run of an earlier version has no fields that came since: their defaults are no change.
  const before = schema.safeParse(base);
  const changes = configChanges(before.success ? before.data : base, config);
  requireAllowedChanges(changes, allow);
  return { config, overrides, changes };
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
    changes: [],
  };
}

export type ResumeOptions = { readonly resume?: string; readonly allow: readonly string[] };

/** Given once for each field. */
export function allowOption(): Option {
  return new Option(
    '--allow <field>',
    'with --resume, let a field of the config change, or all fields of a section, e.g. optimizer.learningRate; may be repeated',
  )
    .argParser((field: string, before: readonly string[]) => [...before, field])
    .default([], 'none');
}

/** The resolved config as YAML, for the terminal. */
export function formatConfig(config: unknown): string {
  return stringify(config).trimEnd();
}

/** {@link fieldsHelp} for commands that make runs. */
export function configHelp(schema: z.ZodType): () => string {
  return fieldsHelp(schema, [
    '--resume takes the config that the run was started with; key=value arguments change it. What would change',
    'what is computed needs --allow FIELD beside it; what a run was built on (model, data, seed, out) cannot change.',
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

function refuseAllowed(allow: readonly string[]): never {
  return fail('config', {
    where: 'command line: --allow',
    expected: 'nothing but with --resume, since a new run may have any config',
    got: allow.join(', '),
    next: 'leave it out',
  });
}

function requireSameKind(manifest: Manifest, kind: Manifest['kind'], resume: string): void {
  if (manifest.kind !== kind) {
    fail('run', {
      where: resume,
      expected: `a run of medix ${kind}`,
      got: `a run of medix ${manifest.kind}`,
      next: `use medix ${manifest.kind} --resume ${resume}`,
    });
  }
}
