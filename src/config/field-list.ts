/** The fields of a config, read from its schema, for `--help` and for error messages. */
import { z } from 'zod';

export type Field = {
  /** Dotted, e.g. `rollout.groupSize`. */
  readonly path: string;
  readonly description: string;
  /** Absent when the field is required or has none. */
  readonly default?: unknown;
  readonly required: boolean;
};

type JsonSchema = {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
};

/** Leaves of the schema in order; the variants of a section are merged, their descriptions joined where they differ. */
export function listFields(schema: z.ZodType): Field[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const fields = new Map<string, Field>();
  collect(root, '', true, fields);
  return [...fields.values()];
}

/** One line a field, for `--help`. */
export function formatFields(fields: readonly Field[]): string {
  const width = Math.max(...fields.map(({ path }) => path.length));
  return fields
    .map((field) => {
      const fallback = field.required
        ? ' (required)'
        : field.default === undefined
          ? ''
          : ` (default ${JSON.stringify(field.default)})`;
      return `  ${field.path.padEnd(width)}  ${field.description}${fallback}`;
    })
    .join('\n');
}

function collect(
  schema: JsonSchema,
  path: string,
  required: boolean,
  fields: Map<string, Field>,
): void {
  const variants = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (schema.description !== undefined) addField(schema, path, required, fields);
  for (const variant of variants) {
    for (const [key, property] of Object.entries(variant.properties ?? {})) {
      const inner = path === '' ? key : `${path}.${key}`;
      const innerRequired = required && variant === schema && !!schema.required?.includes(key);
      collect(property, inner, innerRequired, fields);
    }
  }
}

/** Literals of a union's variants, e.g. `kind`, become one field that lists them. */
function addField(
  schema: JsonSchema,
  path: string,
  required: boolean,
  fields: Map<string, Field>,
): void {
  const description =
    schema.const === undefined
      ? (schema.description ?? '')
      : `${JSON.stringify(schema.const)}: ${schema.description}`;
  const before = fields.get(path);
  if (before?.description.includes(description)) return;
  fields.set(path, {
    path,
    description: before ? `${before.description}; ${description}` : description,
    required,
    ...(schema.default === undefined ? {} : { default: schema.default }),
  });
}
