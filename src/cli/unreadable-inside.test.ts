/** Folders of models, evaluations, runs and reviews in which one file is none that can be read. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { EvaluationFixture } from '../eval/stages/evaluation.fixture.ts';
import { runCli } from './main.ts';
import { expectRefused } from './refused.fixture.ts';
import { createTerminal } from './terminal.ts';

const tinyModel = fileURLToPath(
  new URL('../../test/fixtures/qwen3-vl-tiny/model', import.meta.url),
);

let folder: string;
let evaluation: EvaluationFixture;
let review: string;
let run: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-inside-'));
  evaluation = await EvaluationFixture.create();
  await evaluation.addTask('organs', [{ question: 'Which organ?', answer: 'liver' }]);
  await evaluation.generate(() => 'liver');
  await evaluation.judge();
  review = join(folder, 'review');
  await succeed('review', 'create', '--from', evaluation.out, '--kind', 'single', '--out', review);
  run = join(folder, 'run');
  await succeed(
    'train',
    `model=${tinyModel}`,
    `out=${run}`,
    'data.train=phantoms',
    'data.trainCount=2',
    'rollout.promptsPerIteration=1',
    'rollout.groupSize=2',
    'rollout.maxCompletionTokens=2',
    'iterations=1',
  );
}, 60_000);
afterAll(async () => {
  await evaluation.remove();
  await rm(folder, { recursive: true });
});

async function succeed(...argv: readonly string[]): Promise<void> {
  const errors: string[] = [];
  await runCli(argv, {
    context: {
      terminal: createTerminal({ isTTY: false, columns: 80, write: () => true }),
      signal: new AbortController().signal,
      clock: () => 0,
    },
    printError: (text) => errors.push(text),
  });
  if (errors.some((error) => !error.includes('iteration'))) throw new Error(errors.join('\n'));
}

/** Puts something else in the place of a file, in a copy of the folder. */
const instead = {
  'a pipe': async (path: string) => {
    execFileSync('/usr/bin/mkfifo', [path]);
  },
  'a folder': async (path: string) => {
    await mkdir(path);
  },
} as const;

type Case = {
  readonly kind: string;
  readonly original: () => string;
  readonly file: string;
  readonly argv: (copy: string) => readonly string[];
};

const inEach = (
  kind: string,
  original: () => string,
  argv: Case['argv'],
  files: readonly string[],
): readonly Case[] => files.map((file) => ({ kind, original, file, argv }));

const cases = [
  ...inEach(
    'a model',
    () => tinyModel,
    (copy) => ['generate', '--prompt', 'Hi', '--model', copy],
    [
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
      'chat_template.jinja',
      'preprocessor_config.json',
    ],
  ),
  ...inEach(
    'an evaluation',
    () => evaluation.out,
    (copy) => ['eval', 'score', '--resume', copy],
    [
      'manifest.json',
      'samples/organs.jsonl',
      'responses/organs.jsonl',
      'judgings/judge/judging.json',
      'judgings/judge/organs.jsonl',
    ],
  ),
  ...inEach(
    'a review',
    () => review,
    (copy) => ['review', 'score', copy],
    ['review.json', 'raters.json', 'key.json', 'answers/rater-1.jsonl'],
  ),
  ...inEach(
    'a run',
    () => run,
    (copy) => ['train', '--resume', copy, 'iterations=2'],
    [
      'manifest.json',
      'attempts/0001.json',
      'metrics.jsonl',
      'events.jsonl',
      'checkpoints/000001/checkpoint.json',
      'checkpoints/000001/engine/engine.json',
      'checkpoints/000001/engine/model.safetensors',
    ],
  ),
  ...inEach(
    'stored rollouts',
    () => run,
    (copy) => ['replay', copy, '--out', join(folder, 'replayed.jsonl')],
    ['rollouts/000001.jsonl'],
  ),
];

describe.each(Object.entries(instead))('%s in the place of a file', (name, put) => {
  it.each(cases)('of $kind: $file is refused', async ({ original, file, argv }) => {
    const copy = await mkdtemp(join(folder, 'copy-'));
    await cp(original(), copy, { recursive: true });
    await rm(join(copy, file), { recursive: true, force: true });
    await mkdir(join(copy, file, '..'), { recursive: true });
    await put(join(copy, file));
    await expectRefused(argv(copy), new RegExp(`${basename(file)}: .*(${name}|got no such file;)`));
  });
});
