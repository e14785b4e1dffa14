/** A task with answers to it in a temporary folder, and `medix eval` on them in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openTask } from '../src/eval/tasks/open-task.ts';
import { readTaskSamples } from '../src/eval/tasks/read-task-samples.ts';
import { openTaskSource } from '../src/eval/tasks/task-source.ts';
import { answerTo } from './eval-workload.ts';
import { type MemorySample, watchMemory } from './resident.ts';
import { never, seconds } from './timing.ts';

export const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const command = fileURLToPath(new URL('./eval-command.ts', import.meta.url));

export type EvalFolder = {
  readonly results: string;
  /** Words of every `medix eval` command on it. */
  readonly words: readonly string[];
  readonly responses: string;
  /** Of the judging of this name. */
  readonly verdicts: (judging: string) => string;
  /** Number of a sample by its id. */
  readonly numbers: ReadonlyMap<string, number>;
};

/** Questions about two to an image; answer i names item i. */
export async function writeEvalFolder(folder: string, count: number): Promise<EvalFolder> {
  const taskFile = join(folder, 'bench.yaml');
  const answers = join(folder, 'answers.jsonl');
  await writeFile(taskFile, task);
  await writeLines(join(folder, 'rows.jsonl'), count, (item) => ({
    question: `What does study ${item} show, given ${'a finding described at some length, '.repeat(4)}?`,
    answer: `reference ${item}`,
    patient: `p${Math.floor(item / 2)}`,
  }));
  const opened = await openTask(taskFile);
  const source = await openTaskSource(opened, { hub: {}, cache: folder });
  const numbers = new Map<string, number>();
  for await (const row of readTaskSamples(opened, source, never)) {
    if (row.kind === 'sample') numbers.set(row.sample.id, row.sample.index);
  }
  const ids = [...numbers.keys()];
  await writeLines(answers, count, (item) => ({
    id: ids[item],
    response: `<think>${'I look at it. '.repeat(20)}</think><answer>${answerTo(item)}</answer>`,
  }));
  const results = join(folder, 'results');
  return {
    results,
    words: [
      `out=${results}`,
      `tasks=[${taskFile}]`,
      `model={kind: file, path: ${answers}, name: bench}`,
    ],
    responses: join(results, 'responses', 'bench.jsonl'),
    verdicts: (judging) => join(results, 'judgings', judging, 'bench.jsonl'),
    numbers,
  };
}

const task = `id: bench
title: Bench
input: text
kind: open
source: { path: rows.jsonl }
rows: null
licence: null
access: public
rubric: binary
layouts:
  - columns: [question, answer, patient]
    question: "{{ question }}"
    reference: { text: answer }
    cluster: { column: patient }
`;

export type CommandRun = {
  /** Of the command, loading of code aside. */
  readonly seconds: number;
  /** From the start of its process to the end. */
  readonly wallSeconds: number;
  readonly memory: readonly MemorySample[];
};

/** @param growing the file whose size tells how far it is */
export async function runEval(
  stage: 'generate' | 'judge' | 'score',
  words: readonly string[],
  growing: string,
): Promise<CommandRun> {
  const child = spawn(process.execPath, ['--import', loader, command, stage, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const printed = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
  const [wallSeconds, memory] = await seconds(() => watchMemory([child.pid ?? 0], ended, growing));
  const [code] = await ended;
  if (code !== 0) throw new Error(`medix eval ${stage} ended with ${code}`);
  const [line] = await printed;
  return { seconds: Number(line), wallSeconds, memory };
}

/** The values of a file of JSON lines. */
export async function* readLines(path: string): AsyncGenerator<unknown> {
  for await (const line of createInterface({ input: createReadStream(path) }))
    yield JSON.parse(line);
}

export async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function writeLines(
  path: string,
  count: number,
  row: (item: number) => object,
): Promise<void> {
  const file = createWriteStream(path);
  for (let item = 0; item < count; item++) {
    if (!file.write(`${JSON.stringify(row(item))}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}
