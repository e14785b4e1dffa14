/**
 * A config is a YAML or JSON file with `key=value` changes on top. All that is wrong with it is reported
 * at once, with the path of each field, before anything else is opened.
 */
import type { z } from 'zod';
import { fail, MedixError, messageOf, type Problem } from '../core/errors.ts';
import { readBytes } from '../core/files.ts';
import { nameOf } from '../core/quoted.ts';
import { readingAs } from '../core/reading.ts';
import { parseYaml } from '../core/yaml.ts';
import { listFields } from './field-list.ts';
import { problemsOf } from './schema-problems.ts';

type Section = Record<string, unknown>;

export type ConfigSource = {
  /** YAML or JSON file, or the values of an earlier run. Absent: defaults and overrides only. */
  readonly base?: string | Readonly<Record<string, unknown>>;
  /** `rollout.groupSize=8`: a dotted path and a YAML value. Later ones win. */
  readonly overrides: readonly string[];
};

/**
 * @returns the config with every default filled in.
 * @throws MedixError 'config' with every problem found: unreadable file, unknown keys, values out of
 *   range, malformed overrides.
 */
export async function readConfig<Schema extends z.ZodType>(
  schema: Schema,
  { base = {}, overrides }: ConfigSource,
): Promise<z.output<Schema>> {
  const values = typeof base === 'string' ? await readConfigFile(base) : structuredClone(base);
  const problems: Problem[] = [];
  const overridden = emptyTree();
  for (const override of overrides) {
    const problem = applyOverride(values, override);
    if (problem) problems.push(problem);
    addPath(overridden, override.split('=', 1)[0] ?? '');
  }
  const result = schema.safeParse(values);
  if (result.success && problems.length === 0) return result.data;
  const file = typeof base === 'string' ? base : 'config';
  const where = (path: string) =>
    touches(overridden, path) ? `command line: ${path}` : `${file}: ${path}`;
  if (!result.success) {
    problems.push(...problemsOf(result.error, values, listFields(schema), where));
  }
  throw new MedixError('config', problems);
}

/** Dotted paths by their names, since there may be thousands of them and as many problems. */
type PathTree = { isGiven: boolean; readonly inner: Map<string, PathTree> };

const emptyTree = (): PathTree => ({ isGiven: false, inner: new Map() });

function addPath(tree: PathTree, path: string): void {
  let node = tree;
  for (const name of path.split('.')) {
    const next = node.inner.get(name) ?? emptyTree();
    node.inner.set(name, next);
    node = next;
  }
  node.isGiven = true;
}

/** Whether a path was given, or one above or below it. */
function touches(tree: PathTree, path: string): boolean {
  let node: PathTree | undefined = tree;
  for (const name of path.split('.')) {
    node = node.inner.get(name);
    if (node === undefined || node.isGiven) return node !== undefined;
  }
  return true;
}

async function readConfigFile(path: string): Promise<Section> {
  const expected = 'a YAML or JSON file with config fields';
  const next = 'correct the file; `medix train --help` lists the fields';
  const asked = { boundary: 'config', where: path, expected, next } as const;
  const value = (await readingAs(asked, () => readBytes(path), parseYaml)) ?? {};
  if (!isSection(value)) {
    fail('config', { where: path, expected, got: nameOf(value), next });
  }
  return value;
}

/** Sets one field in place, making the sections on the way. */
function applyOverride(values: Section, override: string): Problem | undefined {
  const at = override.indexOf('=');
  const path = override.slice(0, at).split('.');
  if (at < 1 || path.some((key) => key === '' || key === '__proto__')) {
    return {
      where: 'command line',
      expected: 'key=value, e.g. rollout.groupSize=8',
      got: override,
      next: 'write the full path of the field, an equals sign and the value',
    };
  }
  let section = values;
  for (const key of path.slice(0, -1)) {
    const inner = section[key];
    section[key] = isSection(inner) ? inner : {};
    section = section[key] as Section;
  }
  try {
    section[path.at(-1) ?? ''] = parseYaml(override.slice(at + 1));
  } catch (error) {
    return {
      where: `command line: ${path.join('.')}`,
      expected: 'a YAML value',
      got: messageOf(error),
      next: 'quote the value',
    };
  }
  return undefined;
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
