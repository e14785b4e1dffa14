/** Paths that cannot be read or written, wherever a command takes one: one error, at once, and no stack. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { EvaluationFixture } from '../eval/stages/evaluation.fixture.ts';
import { expectRefused } from './refused.fixture.ts';

const tinyModel = fileURLToPath(
  new URL('../../test/fixtures/qwen3-vl-tiny/model', import.meta.url),
);

let folder: string;
let socket: Server;
let evaluation: EvaluationFixture;
let task: string;
/** Of a task of the leaderboard. */
let submitted: EvaluationFixture;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-paths-'));
  evaluation = await EvaluationFixture.create();
  task = await evaluation.addTask('organs', [
    { question: 'Which organ is 1?', answer: 'liver' },
    { question: 'Which organ is 2?', answer: 'spleen' },
  ]);
  await evaluation.generate(() => 'liver');
  await evaluation.judge();
  submitted = await EvaluationFixture.create();
  await submitted.addTask('medqa', [{ question: 'Which organ?', answer: 'liver' }]);
  await submitted.generate(() => 'liver');
  await submitted.judge();
  await writeFile(join(folder, 'file'), 'text\n');
  await writeFile(join(folder, 'rows.jsonl'), `${JSON.stringify(row)}\n`);
  await writeFile(
    join(folder, 'prompts.jsonl'),
    '{"id": 1, "prompt": "Hi", "completion": "Yes"}\n',
  );
  await writeFile(join(folder, 'answers.jsonl'), '{"id": "1", "response": "liver"}\n');
  execFileSync('/usr/bin/mkfifo', [join(folder, 'pipe')]);
  socket = createServer().listen(join(folder, 'socket'));
  await symlink('loop', join(folder, 'loop'));
}, 60_000);
afterAll(async () => {
  await new Promise((resolve) => socket.close(resolve));
  await evaluation.remove();
  await submitted.remove();
  await rm(folder, { recursive: true });
});

const row = { id: 1, question: 'Which organ?', response: 'liver', ground_truth: 'liver' };

const refused = (argv: readonly string[]) =>
  expectRefused(argv, new RegExp(`^.*${folder}/(to-|file|folder|nnn|a)`));

/** What a path leads to; `ending` is what a name has to end with to be looked into. */
type Kind = readonly [name: string, path: (ending: string) => Promise<string>];

const leadingTo = (target: () => string) => async (ending: string) => {
  const path = join(folder, `to-${target().replaceAll(/\W/g, '-')}${ending}`);
  await symlink(target(), path).catch(() => {});
  return path;
};

const everywhere: readonly Kind[] = [
  ['a path through a file', async (ending) => join(folder, 'file', `below${ending}`)],
  ['a link to itself', leadingTo(() => join(folder, 'loop'))],
  ['a name that is too long', async (ending) => join(folder, `${'n'.repeat(300)}${ending}`)],
  ['a name with NUL', async (ending) => `${folder}/a\0b${ending}`],
  ['a pipe', leadingTo(() => join(folder, 'pipe'))],
  ['a socket', leadingTo(() => join(folder, 'socket'))],
  ['an endless device', leadingTo(() => '/dev/zero')],
  ['an empty device', leadingTo(() => '/dev/null')],
];

const whereFilesAre: readonly Kind[] = [
  ...everywhere,
  [
    'a folder',
    async (ending) => {
      const path = join(folder, `folder${ending}`);
      await mkdir(path, { recursive: true });
      await writeFile(join(path, 'other'), '');
      return path;
    },
  ],
];

const whereFoldersAre: readonly Kind[] = [
  ...everywhere,
  ['a file', leadingTo(() => join(folder, 'file'))],
];

type Place = readonly [name: string, argv: (path: string) => readonly string[], ending?: string];

const free = (name: string) => join(folder, `free-${name}`);
const training = (...changes: readonly string[]) => [
  'train',
  `model=${tinyModel}`,
  'data.train=phantoms',
  'data.trainCount=2',
  `out=${free('run')}`,
  ...changes,
];
const evaluating = (stage: string, ...changes: readonly string[]) => [
  'eval',
  stage,
  `tasks=[${task}]`,
  `model={kind: file, path: ${join(folder, 'answers.jsonl')}, name: x}`,
  `out=${free('eval')}`,
  ...changes,
];
const scoring = (...words: readonly string[]) => [
  'reward',
  'score',
  join(folder, 'rows.jsonl'),
  '--out',
  free('rewards'),
  ...words,
];
const asking = (...words: readonly string[]) => [
  'generate',
  '--model',
  tinyModel,
  '--prompt',
  'Hi',
  ...words,
];
/** As text of YAML, which knows no NUL. */
const quotedPath = (path: string) => JSON.stringify(path);

const files: readonly Place[] = [
  ['config of a training', (path) => ['train', path]],
  ['config of an evaluation', (path) => ['eval', 'run', path]],
  ['config of a certification', (path) => ['judge', 'certify', path]],
  ['config of a scoring', (path) => scoring('--config', path)],
  ['training data', (path) => training(`data.train=${quotedPath(path)}`), '.jsonl'],
  ['training data in parquet', (path) => training(`data.train=${quotedPath(path)}`), '.parquet'],
  ['template of a training', (path) => training(`data.template=${quotedPath(path)}`)],
  ['reward profile', (path) => training(`reward.profile=${quotedPath(path)}`)],
  [
    'judge prompt',
    (path) =>
      scoring('--judge-url', 'http://127.0.0.1:9', '--judge-model', 'x', '--judge-prompt', path),
  ],
  [
    'certificate',
    (path) =>
      training(
        `reward.judge={kind: openai, url: ["http://127.0.0.1:9"], model: x, certificate: {path: ${quotedPath(path)}}}`,
      ),
  ],
  [
    'GGUF judge',
    (path) => training(`reward.judge={kind: gguf, path: ${quotedPath(path)}}`),
    '.gguf',
  ],
  [
    'judge of the user',
    (path) => training(`reward.judge={kind: module, module: ${quotedPath(`${path}#judge`)}}`),
    '.mjs',
  ],
  ['image', (path) => asking('--image', path), '.png'],
  ['template of a question', (path) => asking('--template', path)],
  [
    'rows of logprobs',
    (path) => ['logprobs', '--model', tinyModel, '--in', path, '--out', free('logprobs')],
    '.jsonl',
  ],
  [
    'output of logprobs',
    (path) => [
      'logprobs',
      '--model',
      tinyModel,
      '--in',
      join(folder, 'prompts.jsonl'),
      '--out',
      path,
    ],
    '.jsonl',
  ],
  ['responses to score', (path) => ['reward', 'score', path, '--out', free('rewards')], '.jsonl'],
  ['rewards', (path) => ['reward', 'score', join(folder, 'rows.jsonl'), '--out', path], '.jsonl'],
  ['row to explain', (path) => ['reward', 'explain', '--row', path, '--id', '1'], '.jsonl'],
  ['responses to replay', (path) => ['replay', path, '--out', free('replay')], '.jsonl'],
  ['comparison of a replay', (path) => ['replay', join(folder, 'rows.jsonl'), '--out', path]],
  ['journal', (path) => ['reward', 'serve', 'port=0', `journal=${quotedPath(path)}`]],
  [
    'labels',
    (path) => ['judge', 'certify', `out=${free('certificate')}`, `probes=${quotedPath(path)}`],
    '.jsonl',
  ],
  ['certificate to write', (path) => ['judge', 'certify', `out=${quotedPath(path)}`]],
  ['task file', (path) => evaluating('generate', `tasks=[${quotedPath(path)}]`), '.yaml'],
  [
    'rows of a task',
    (path) => evaluating('generate', `data={organs: ${quotedPath(path)}}`),
    '.jsonl',
  ],
  [
    'answers',
    (path) => evaluating('generate', `model={kind: file, path: ${quotedPath(path)}, name: x}`),
    '.jsonl',
  ],
  ['template of an evaluation', (path) => evaluating('generate', `template=${quotedPath(path)}`)],
  ['task to list', (path) => ['eval', 'samples', path], '.yaml'],
  ['rows to list', (path) => ['eval', 'samples', task, '--data', path], '.jsonl'],
  [
    'training set looked through',
    (path) => ['eval', 'contamination', '--task', task, '--train', path],
    '.jsonl',
  ],
];

const folders: readonly Place[] = [
  ['model', (path) => ['generate', '--prompt', 'Hi', '--model', path]],
  ['model to train', (path) => training(`model=${quotedPath(path)}`)],
  ['run to resume', (path) => ['train', '--resume', path]],
  ['fine-tuning to resume', (path) => ['sft', '--resume', path]],
  ['run directory', (path) => training(`out=${quotedPath(path)}`)],
  ['run directory of a quickstart', (path) => ['quickstart', '--out', path]],
  ['evaluation to resume', (path) => ['eval', 'score', '--resume', path]],
  ['results folder', (path) => evaluating('generate', `out=${quotedPath(path)}`)],
  ['results folder to judge', (path) => evaluating('judge', `out=${quotedPath(path)}`)],
  [
    'model to evaluate',
    (path) => evaluating('generate', `model={kind: local, path: ${quotedPath(path)}}`),
  ],
  ['results to compare', (path) => ['eval', 'compare', evaluation.out, path]],
  [
    'folder of a comparison',
    (path) => ['eval', 'compare', evaluation.out, evaluation.out, '--out', path],
  ],
  ['results to submit', (path) => ['eval', 'submit', path, '--out', free('zip')]],
  [
    'MMMU to submit',
    (path) => ['eval', 'submit', submitted.out, '--out', free('zip'), '--mmmu', path],
  ],
  ['task folder', (path) => ['eval', 'tasks', '--task-folder', path]],
  ['results to review', (path) => ['review', 'create', '--from', path, '--out', free('review')]],
  ['review to serve', (path) => ['review', 'serve', path, '--port', '0']],
  ['review to score', (path) => ['review', 'score', path]],
  ['folder of a bridge', (path) => ['reward', 'bridge', 'trl', '--out', path]],
  [
    'answers of judges',
    (path) =>
      training(
        `reward.judge={kind: openai, url: ["http://127.0.0.1:9"], model: x, cache: ${quotedPath(path)}}`,
      ),
  ],
];

const cases = (places: readonly Place[], kinds: readonly Kind[]) =>
  places.flatMap(([place, argv, ending = '']) =>
    kinds.map(([kind, path]) => ({ place, kind, argv: async () => argv(await path(ending)) })),
  );

describe('where a file is named', () => {
  it.each(cases(files, whereFilesAre))('$place: $kind is refused', async ({ argv }) => {
    await refused(await argv());
  });
});

describe('where a folder is named', () => {
  it.each(cases(folders, whereFoldersAre))('$place: $kind is refused', async ({ argv }) => {
    await refused(await argv());
  });
});
