/** Fields of configs that documents mention, held against the schemas of the commands. */
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { evalConfigSchema } from '../../src/config/eval-config.ts';
import { listFields } from '../../src/config/field-list.ts';
import { calibrateConfigSchema, certifyConfigSchema } from '../../src/config/judge-trial-config.ts';
import { rewardServiceSchema } from '../../src/config/reward-service-config.ts';
import { sftConfigSchema } from '../../src/config/sft-config.ts';
import { trainConfigSchema } from '../../src/config/train-config.ts';
import { taskSchema } from '../../src/eval/tasks/task-checks.ts';
import { rewardProfileSchema } from '../../src/reward/profile-schema.ts';

const rewardSchema = rewardServiceSchema.pick({ reward: true });

/** The config of each command that takes one. */
export const configSchemas: Readonly<Record<string, z.ZodType>> = {
  quickstart: trainConfigSchema,
  train: trainConfigSchema,
  sft: sftConfigSchema,
  'eval generate': evalConfigSchema,
  'eval judge': evalConfigSchema,
  'eval score': evalConfigSchema,
  'eval run': evalConfigSchema,
  'eval forecast': evalConfigSchema,
  'judge certify': certifyConfigSchema,
  'judge calibrate': calibrateConfigSchema,
  'reward serve': rewardServiceSchema,
  'reward score': rewardSchema,
  replay: rewardSchema.extend({
    algorithm: trainConfigSchema.shape.algorithm,
    profile: rewardProfileSchema,
  }),
  'reward explain': rewardSchema,
};

const allSchemas = [...new Set(Object.values(configSchemas))];

const isChange = (word: string) => /^[a-zA-Z][\w.]*=/.test(word);

/** Whether a span is one or several `key=value`. */
export function areChanges(words: readonly string[]): boolean {
  return words.some(isChange) && words.every((word) => isChange(word) || word === '…');
}

/**
 * What is wrong with changes, each on its own: unknown keys, values that a field does not take. Of several
 * schemas the one that fits best counts, since documents name fields without their command.
 */
export function changesProblems(
  changes: readonly string[],
  schemas: readonly z.ZodType[] = allSchemas,
): string[] {
  const perSchema = schemas.map((schema) =>
    changes
      .map((change) => changeProblem(schema, change))
      .filter((problem) => problem !== undefined),
  );
  return fewest(perSchema);
}

function changeProblem(schema: z.ZodType, change: string): string | undefined {
  if (change === '…' || change === 'key=value') return undefined;
  const at = change.indexOf('=');
  const [key, text] = [change.slice(0, at), change.slice(at + 1)];
  const fields = fieldsAt(schema, key.split('.'));
  if (fields.length === 0) return `there is no config field ${key}`;
  if (isPlaceholder(text)) return undefined;
  return takes(fields, parseYaml(text))
    ? undefined
    : `the config field ${key} does not take ${text}`;
}

/** Whether some config has this field or section; `optimizer.*` means all fields of one. */
export function isField(key: string): boolean {
  const path = key.replace(/\.\*$/, '').split('.');
  return allSchemas.some((schema) => fieldsAt(schema, path).length > 0);
}

/** A whole config, task file or reward profile in YAML: what the schema that takes most of it says against it. */
export function settingsProblems(text: string): string[] {
  const perSchema = [...allSchemas, taskSchema, rewardProfileSchema].map((schema) => {
    const result = schema.safeParse(parseYaml(text));
    return result.success
      ? []
      : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  });
  return fewest(perSchema);
}

/** `pooling: cls`, `verdict: word | json`: a field by its last name, with one value or several. */
export function settingProblem(text: string): string | undefined {
  const [, name = '', given = ''] = /^([a-zA-Z]+): (.+)$/.exec(text) ?? [];
  const fields = [...allSchemas, rewardProfileSchema].flatMap((schema) =>
    listFields(schema)
      .filter(({ path }) => path === name || path.endsWith(`.${name}`))
      .flatMap(({ path }) => fieldsAt(schema, path.split('.'))),
  );
  if (fields.length === 0) return `there is no config field ${name}`;
  const wrong = given.split(' | ').find((value) => !takes(fields, parseYaml(value)));
  return wrong === undefined ? undefined : `the config field ${name} does not take ${wrong}`;
}

function takes(fields: readonly z.ZodType[], value: unknown): boolean {
  return fields.some((field) => field.safeParse(value).success);
}

/** `…` and `<what>` leave the value to the reader. */
function isPlaceholder(value: string): boolean {
  return value === '…' || /^<.*>$/.test(value);
}

function fewest(problems: readonly string[][]): string[] {
  return problems.toSorted((a, b) => a.length - b.length)[0] ?? [];
}

/** Every schema that a path leads to: the variants of a section may have different ones. */
function fieldsAt(schema: z.ZodType, path: readonly string[]): z.ZodType[] {
  const [first, ...rest] = path;
  if (first === undefined) return [schema];
  if (schema instanceof z.ZodObject) {
    const field = (schema.shape as Readonly<Record<string, z.ZodType>>)[first];
    return field === undefined ? [] : fieldsAt(field, rest);
  }
  if (schema instanceof z.ZodRecord) return fieldsAt(schema.valueType as z.ZodType, rest);
  if (schema instanceof z.ZodUnion) {
    return (schema.options as readonly z.ZodType[]).flatMap((option) => fieldsAt(option, path));
  }
  // Defaults that depend on other fields.
  if (schema instanceof z.ZodPipe) return fieldsAt(schema.in as z.ZodType, path);
  const isWrapped =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodOptional;
  return isWrapped ? fieldsAt(schema.unwrap() as z.ZodType, path) : [];
}
