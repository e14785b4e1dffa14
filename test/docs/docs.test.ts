/** What the documents say is so: paths, links, commands, config fields, metrics and examples. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  attemptSchema,
  checkpointSchema,
  eventLineSchema,
  manifestSchema,
  metricsLineSchema,
  rolloutLineSchema,
} from '../../src/run/records.ts';
import { type Checks, checkDocument } from './check-document.ts';
import { createCommandCheck } from './commands.ts';
import { metricRows, writtenMetricKeys } from './metric-keys.ts';
import { isMatch } from './paths.ts';
import { readDocuments, readRepository } from './repository.ts';
import { commandLines } from './shell.ts';

const repository = readRepository();
const documents = readDocuments(repository);
const documentOf = (file: string) => documents.find((one) => one.file === file)!;

let checks: Checks;
beforeAll(async () => {
  checks = {
    repository,
    metricKeys: await writtenMetricKeys(),
    checkCommand: await createCommandCheck(repository),
  };
});

it.each(documents.map(({ file }) => file))('%s holds nothing that is not so', async (file) => {
  const problems = await checkDocument(documentOf(file), documents, checks);
  expect(problems.map(({ line, message }) => `${file}:${line}: ${message}`)).toEqual([]);
});

it('README.md names every folder of src', () => {
  const named = documentOf('README.md').spans.map(({ text }) => text);
  const folders = repository.paths.filter((path) => /^src\/[^/.]+$/.test(path));
  expect(folders.filter((folder) => !named.includes(folder))).toEqual([]);
});

it('docs/metrics.md has a row for every metric that a run writes, and for no other', () => {
  const named = metricRows(documentOf('docs/metrics.md'));
  const keys = [...checks.metricKeys];
  expect(keys.filter((key) => !named.some((name) => isMatch(name, key)))).toEqual([]);
  expect(named.filter((name) => !keys.some((key) => isMatch(name, key)))).toEqual([]);
  expect(new Set(named).size).toBe(named.length);
});

it('a document shows the command of every config in recipes, so that its fields are checked', () => {
  const words = documents.flatMap(({ fences }) =>
    fences.flatMap(({ text, line }) => commandLines(text, line).flatMap((one) => one.words)),
  );
  const configs = repository.paths.filter((path) => /^recipes\/.*\.yaml$/.test(path));
  expect(configs.filter((path) => !words.includes(path))).toEqual([]);
});

describe('the examples of docs/run-directory.md follow the schema of', () => {
  const schemas: Readonly<Record<string, z.ZodType>> = {
    'manifest.json': manifestSchema.strict(),
    'attempts/<n>.json': attemptSchema.strict(),
    'metrics.jsonl': metricsLineSchema.strict(),
    'events.jsonl': eventLineSchema,
    'rollouts/<iteration>.jsonl, rollouts/validation-<iteration>.jsonl': rolloutLineSchema.strict(),
    'checkpoints/<iteration>/': checkpointSchema.strict(),
  };
  it.each(Object.entries(schemas))('%s', (heading, schema) => {
    const examples = documentOf('docs/run-directory.md').fences.filter(
      (fence) => fence.heading === heading && fence.language === 'json',
    );
    expect(examples).toHaveLength(1);
    expect(schema.safeParse(JSON.parse(examples[0]!.text)).error?.issues ?? []).toEqual([]);
  });

  it('metrics.jsonl, with metrics that a run writes', () => {
    const example = documentOf('docs/run-directory.md').fences.find(
      ({ heading }) => heading === 'metrics.jsonl',
    );
    const { values } = metricsLineSchema.parse(JSON.parse(example?.text ?? ''));
    expect(Object.keys(values).filter((key) => !checks.metricKeys.has(key))).toEqual([]);
  });
});
