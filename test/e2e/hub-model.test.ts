/** A model of the hub where commands take a model's folder. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commit, startHub, type TestHub } from '../../src/engine/hub/hub-server.fixture.ts';
import { medix, temporaryFolder } from './medix.ts';

const startModel = fileURLToPath(new URL('../../assets/start-model', import.meta.url));
const folder = await temporaryFolder();
const before = { ...process.env };
const id = 'Owner/model-1';
const pinned = `${id}@${commit}`;

let hub: TestHub;
let isGone = false;

beforeAll(async () => {
  const names = await readdir(startModel);
  const files: Record<string, Buffer> = {};
  for (const name of names) files[name] = await readFile(join(startModel, name));
  hub = await startHub({
    files,
    instead: (_, response) => {
      if (isGone) response.destroy();
      return isGone;
    },
  });
  Object.assign(process.env, { HF_ENDPOINT: hub.endpoint, HF_TOKEN: 'hf_secret', HOME: folder });
});
afterAll(async () => {
  process.env = before;
  await hub.close();
});

const json = async (...path: readonly string[]) =>
  JSON.parse(await readFile(join(folder, ...path), 'utf8'));

test('medix generate answers with a model of the hub as with its folder, later without the hub', async () => {
  const ask = async (model: string) => {
    const words = ['--prompt', 'Which organ?', '--max-tokens', '8', '--json'];
    const outcome = await medix(folder, 'generate', '--model', model, ...words);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).not.toContain('hf_secret');
    return JSON.parse(outcome.stdout.trim().split('\n').at(-1) ?? '');
  };
  const expected = await ask(startModel);
  expect(await ask(id)).toEqual(expected);
  isGone = true;
  expect(await ask(pinned)).toEqual(expected);
  const offline = await medix(folder, 'generate', '--model', id, '--prompt', 'Which organ?');
  expect(offline).toMatchObject({ code: 1, stdout: '' });
  expect(offline.stderr).toMatch(/^Owner\/model-1@main: expected an answer from the hub at http/);
  expect(offline.stderr).toContain(`without the hub, ${pinned} can be opened`);
  isGone = false;
});

test('a training records the commit, and resumes with it', async () => {
  const started = await medix(
    folder,
    'train',
    `model=${id}`,
    'out=run',
    'engine={kind: local, cache: models-of-the-hub}',
    'data.train=phantoms',
    'data.trainCount=64',
    'rollout.promptsPerIteration=2',
    'rollout.groupSize=2',
    'rollout.maxCompletionTokens=8',
    'iterations=1',
    'algorithm.filter=none',
  );
  // A tiny run may well find no group that differs, and then ends with an error of its own.
  expect(started.stdout).toContain('the model is in run/model');
  expect(await json('run', 'manifest.json')).toMatchObject({ config: { model: pinned } });
  expect(await readdir(join(folder, 'models-of-the-hub/models/Owner--model-1'))).toContain(commit);
  isGone = true;
  const resumed = await medix(folder, 'train', '--resume', 'run', 'iterations=2');
  expect(resumed.stdout).toContain('the model is in run/model');
  isGone = false;
});

test('an evaluation records the commit, and takes the model by its name', async () => {
  await mkdir(join(folder, 'tasks'));
  await writeFile(
    join(folder, 'tasks', 'organs.jsonl'),
    '{"question": "Which organ?", "answer": "liver"}\n',
  );
  const task = `id: organs
title: Organs
input: text
kind: open
source: { path: organs.jsonl }
rows: 1
licence: null
access: public
rubric: binary
layouts:
  - columns: [question, answer]
    question: "{{ question }}"
    reference: { text: answer }
    cluster: { column: question }
`;
  await writeFile(join(folder, 'tasks', 'organs.yaml'), task);
  const words = ['tasks=[tasks/organs.yaml]', 'out=results', 'sampling.maxTokens=8'];
  const model = `model={kind: local, path: ${id}}`;
  expect(await medix(folder, 'eval', 'generate', model, ...words)).toMatchObject({ stderr: '' });
  expect(await json('results', 'manifest.json')).toMatchObject({
    config: { model: { path: pinned } },
    model: { id: 'model-1', kind: 'local' },
  });
  const whole = await medix(folder, 'eval', 'run', model, ...words);
  expect(whole.stdout).toContain('the report is in results');
});
