/**
 * The zip that the leaderboard of the paper takes (arXiv 2602.23363), named and laid out as its `submit.sh`
 * does, with `<m>` the last part of the model's name in which everything but letters and digits is `_`:
 *
 *     <first 8 hexadecimal digits of MD5("<m>_submission")>_<m>_submission.zip
 *       <m>/                          <m>.jsonl  <m>_eval.jsonl  <m>_score.txt
 *       <model>-MMMU-Medical-val/     what MedEvalKit wrote, where it is given
 *
 * The same results give the same bytes.
 */
import { join, relative, sep } from 'node:path';
import { md5OfText } from '../../core/digest.ts';
import { fail } from '../../core/errors.ts';
import { entriesBelow, readBytes } from '../../core/files.ts';
import { reading } from '../../core/reading.ts';
import type { Append } from '../../core/write-aside.ts';
import { readEvalManifest, readJudgingManifest } from '../results/layout.ts';
import type { EvalManifest } from '../results/records.ts';
import { findSubmittedAnswers, type SubmittedTask, submissionLines } from './submission-rows.ts';
import { scoreText } from './submission-score.ts';
import { createZip, type ZipWriter } from './zip.ts';

/** The 17 tasks of the leaderboard in the order of the script; MMMU-Medical comes from MedEvalKit. */
const leaderboardTasks = [
  'mmlu_clinical_knowledge',
  'mmlu_college_biology',
  'mmlu_college_medicine',
  'mmlu_medical_genetics',
  'mmlu_professional_medicine',
  'mmlu_anatomy',
  'medmcqa',
  'medqa',
  'usmle_sa',
  'pubmedqa',
  'mimic_cxr_report_summarization',
  'slake_vqa',
  'rad_vqa',
  'path_vqa',
  'pmc_vqa',
  'pmc_vqa_hard',
  'mimic_cxr_report_generation',
] as const;

export type SubmissionOptions = {
  readonly folder: string;
  /** Name of the judging. */
  readonly judgingName: string;
  /** Sends also texts of data that its owners lend under conditions. */
  readonly includeCredentialed: boolean;
  /** Folder that MedEvalKit wrote for MMMU-Medical-val. */
  readonly mmmuFolder?: string;
};

export type Submission = {
  /** File name of the zip. */
  readonly name: string;
  readonly tasks: readonly SubmittedTask[];
  /** What keeps it from being a whole submission; empty where nothing does. */
  readonly remarks: readonly string[];
  /** Fills the zip. Memory does not grow with the texts. */
  write(append: Append): Promise<void>;
};

/**
 * @throws MedixError 'run' where the folder holds no evaluation or no such judging, no task of the
 *   leaderboard or one without a score; 'data' where a task is credentialed and not to be included
 */
export async function openSubmission(options: SubmissionOptions): Promise<Submission> {
  const { folder, judgingName, mmmuFolder } = options;
  const manifest = await readEvalManifest(folder);
  const { mode } = await readJudgingManifest(folder, judgingName);
  const chosen = leaderboardTasks.filter((task) => task in manifest.tasks);
  if (chosen.length === 0) failNoTask(folder, manifest);
  requirePublic(manifest, chosen, options);
  const tasks: SubmittedTask[] = [];
  for (const task of chosen) tasks.push(await findSubmittedAnswers(folder, judgingName, task));
  requireScores(folder, tasks);
  const short = shortName(manifest.model.id);
  const mmmu = mmmuFolder === undefined ? [] : await filesBelow(mmmuFolder);
  return {
    name: submissionName(manifest.model.id),
    tasks,
    remarks: [
      ...remarksOn(manifest, tasks),
      ...(mode === 'medix-r1-reference'
        ? []
        : [`judged in the mode ${mode}; the leaderboard’s numbers come from medix-r1-reference`]),
      ...(mmmu.length === 0 ? ['without MMMU-Medical, which MedEvalKit evaluates'] : []),
    ],
    write: async (append) => {
      const m = underscored(short);
      const zip = createZip(append);
      await zip.folder(`${m}/`);
      await zip.file(`${m}/${m}.jsonl`, linesOf(folder, tasks, 'responses'));
      await zip.file(`${m}/${m}_eval.jsonl`, linesOf(folder, tasks, 'evaluation'));
      await zip.file(`${m}/${m}_score.txt`, [scoreText(manifest.model.id, accuracies(tasks))]);
      if (mmmuFolder !== undefined) {
        await addFolder(zip, mmmuFolder, `${short}-MMMU-Medical-val/`, mmmu);
      }
      await zip.end();
    },
  };
}

/** @param model name, with or without its organisation; a path counts as such */
export function submissionName(model: string): string {
  const base = `${underscored(shortName(model))}_submission`;
  const digest = md5OfText(base);
  return `${digest.slice(0, 8)}_${base}.zip`;
}

function shortName(model: string): string {
  const parts = model.split('/').filter((part) => part.trim() !== '');
  return parts.at(-1) ?? 'model';
}

function underscored(name: string): string {
  return name.replace(/[^a-zA-Z0-9]/g, '_');
}

async function* linesOf(
  folder: string,
  tasks: readonly SubmittedTask[],
  part: 'responses' | 'evaluation',
): AsyncGenerator<string> {
  for (const task of tasks) yield* submissionLines(folder, task, part);
}

function accuracies(tasks: readonly SubmittedTask[]) {
  return tasks.map(({ taskId, answers, bestScore }) => {
    const scores = answers.flatMap(({ score }) => score ?? []);
    const total = scores.reduce((sum, score) => sum + score, 0);
    return { task: taskId, accuracy: total / (bestScore * scores.length) };
  });
}

function requirePublic(
  { tasks }: EvalManifest,
  chosen: readonly string[],
  { includeCredentialed }: SubmissionOptions,
): void {
  const restricted = chosen.filter((task) => tasks[task]?.access !== 'public');
  if (includeCredentialed || restricted.length === 0) return;
  fail('data', {
    where: restricted.join(', '),
    expected: 'public data: the zip holds questions and references, and is uploaded to a form',
    got: [...new Set(restricted.map((task) => tasks[task]?.access))].join(' and '),
    next: 'ask the owner of the data, then add --include-credentialed, or submit a folder without these tasks',
  });
}

/** A task without a score would be a division by zero in the script's table. */
function requireScores(folder: string, tasks: readonly SubmittedTask[]): void {
  const empty = tasks.filter(({ answers }) => answers.every(({ score }) => score === undefined));
  if (empty.length === 0) return;
  fail('run', {
    where: folder,
    expected: 'a score of every task',
    got: `none of ${empty.map(({ taskId }) => taskId).join(', ')}`,
    next: `run \`medix eval judge --resume ${folder}\` first`,
  });
}

function remarksOn(manifest: EvalManifest, tasks: readonly SubmittedTask[]): string[] {
  const missing = leaderboardTasks.filter((task) => !(task in manifest.tasks));
  const others = Object.keys(manifest.tasks).filter(
    (task) => !(leaderboardTasks as readonly string[]).includes(task),
  );
  return [
    ...(missing.length > 0 ? [`without ${missing.join(', ')}`] : []),
    ...(others.length > 0 ? [`not on the leaderboard, so left out: ${others.join(', ')}`] : []),
    ...tasks.flatMap(({ taskId, samples, answers }) => {
      const judged = answers.filter(({ score }) => score !== undefined).length;
      const counts = `${answers.length} of ${samples} questions answered, ${judged} judged`;
      return judged < samples ? [`${taskId}: ${counts}`] : [];
    }),
  ];
}

function failNoTask(folder: string, { tasks }: EvalManifest): never {
  fail('run', {
    where: folder,
    expected: `a task of the leaderboard: ${leaderboardTasks.join(', ')}`,
    got: Object.keys(tasks).join(', ') || 'no task',
    next: 'evaluate the model on tasks of the leaderboard',
  });
}

/** Paths of all files below a folder, in ascending order. */
async function filesBelow(folder: string): Promise<string[]> {
  const asked = {
    where: `--mmmu ${folder}`,
    expected: 'the folder that MedEvalKit wrote for MMMU-Medical-val',
    next: 'correct the path',
  };
  const entries = await reading({ boundary: 'run', ...asked }, () => entriesBelow(folder));
  const files = entries.filter((entry) => entry.isFile());
  if (files.length === 0) fail('run', { ...asked, got: 'an empty folder' });
  return files.map((entry) => relative(folder, join(entry.parentPath, entry.name))).toSorted();
}

async function addFolder(
  zip: ZipWriter,
  folder: string,
  prefix: string,
  files: readonly string[],
): Promise<void> {
  const folders = new Set(['']);
  for (const file of files) {
    const parts = file.split(sep);
    for (let depth = 1; depth < parts.length; depth++) {
      folders.add(`${parts.slice(0, depth).join('/')}/`);
    }
  }
  for (const path of [...folders].toSorted()) await zip.folder(`${prefix}${path}`);
  for (const file of files) {
    await zip.file(`${prefix}${file.split(sep).join('/')}`, [await readBytes(join(folder, file))]);
  }
}
