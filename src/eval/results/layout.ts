/** Where things lie in a results folder, and the two records that say what it is about. */
import { join } from 'node:path';
import type { ZodType } from 'zod';
import { judgingNamePattern } from '../../config/eval-config.ts';
import { fail } from '../../core/errors.ts';
import { readText } from '../../core/files.ts';
import { readingAs, readingIfThere } from '../../core/reading.ts';
import { namesIn } from '../../run/durable.ts';
import { requireSelfContained } from '../../run/self-contained.ts';
import {
  type EvalManifest,
  evalManifestSchema,
  type JudgingManifest,
  judgingManifestSchema,
} from './records.ts';
import { type EvalReport, evalReportSchema } from './report.ts';

export const resultsFile = {
  manifest: (folder: string) => join(folder, 'manifest.json'),
  report: (folder: string) => join(folder, 'report.json'),
  samples: (folder: string, taskId: string) => join(folder, 'samples', `${taskId}.jsonl`),
  rejected: (folder: string, taskId: string) => join(folder, 'rejected', `${taskId}.jsonl`),
  responses: (folder: string, taskId: string) => join(folder, 'responses', `${taskId}.jsonl`),
  judging: (folder: string, judgingName: string) =>
    join(folder, 'judgings', judgingName, 'judging.json'),
  verdicts: (folder: string, judgingName: string, taskId: string) =>
    join(folder, 'judgings', judgingName, `${taskId}.jsonl`),
} as const;

/** @throws MedixError 'run' where the folder holds no evaluation */
export async function readEvalManifest(folder: string): Promise<EvalManifest> {
  const file = resultsFile.manifest(folder);
  return (
    (await findEvalManifest(folder)) ??
    failNoRecord(file, 'no such file', 'check the path; `medix eval generate` makes such a folder')
  );
}

/**
 * Undefined where there is none yet.
 * @throws MedixError 'run' where it cannot be read, or a symbolic link in the folder leads out of it
 */
export async function findEvalManifest(folder: string): Promise<EvalManifest | undefined> {
  const manifest = await readRecord(resultsFile.manifest(folder), evalManifestSchema);
  if (manifest !== undefined) await requireSelfContained(folder);
  return manifest;
}

/** @throws MedixError 'run' where the folder has no judging of this name */
export async function readJudgingManifest(
  folder: string,
  judgingName: string,
): Promise<JudgingManifest> {
  const known = await findJudgingManifest(folder, judgingName);
  if (known) return known;
  const names = await judgingNames(folder);
  const got = names.length === 0 ? 'no judging in the folder' : `only ${names.join(', ')}`;
  const next = 'run `medix eval judge` first, or set judging.name';
  return failNoRecord(resultsFile.judging(folder, judgingName), got, next);
}

/** Undefined where there is none yet. */
export async function findJudgingManifest(
  folder: string,
  judgingName: string,
): Promise<JudgingManifest | undefined> {
  if (!judgingNamePattern.test(judgingName)) return undefined;
  return readRecord(resultsFile.judging(folder, judgingName), judgingManifestSchema);
}

/**
 * The scores that the last stage wrote to `report.json`.
 *
 * @param folder Results folder.
 * @throws MedixError 'run' where it has no report, or one that another version wrote.
 * @example
 * ```ts
 * const { overall } = await readEvalReport('evals/medix-r1-8b');
 * ```
 */
export async function readEvalReport(folder: string): Promise<EvalReport> {
  const file = resultsFile.report(folder);
  return (
    (await readRecord(file, evalReportSchema)) ??
    failNoRecord(file, 'no such file', 'run `medix eval score` first')
  );
}

/** Judgings of a folder, by name. */
export async function judgingNames(folder: string): Promise<string[]> {
  const names = await namesIn(join(folder, 'judgings'));
  return names.filter((name) => judgingNamePattern.test(name));
}

async function readRecord<T>(file: string, schema: ZodType<T>): Promise<T | undefined> {
  const asked = {
    boundary: 'run',
    where: file,
    expected: aRecord,
    next: 'restore the file, or start in a new results folder',
  } as const;
  return readingAs(
    asked,
    () => readingIfThere(asked, () => readText(file)),
    (text) => (text === undefined ? undefined : schema.parse(JSON.parse(text))),
  );
}

const aRecord = 'a record that `medix eval` wrote';

function failNoRecord(where: string, got: string, next: string): never {
  fail('run', { where, expected: aRecord, got, next });
}
