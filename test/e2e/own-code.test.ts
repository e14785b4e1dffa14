/** Code of the user's own, named in configs: judge, embedder, reward component and model under test. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { readManifest, readMetrics, readRollouts } from '../../src/run/run-reader.ts';
import { medix, temporaryFolder, tinyModel } from './medix.ts';

const folder = await temporaryFolder();

const mine = `
type Item = { readonly response: string };
const right = (text: string) => text.toLowerCase().startsWith('l');

export const judge = {
  describe: { id: 'first-letter' },
  judge: (items: readonly { answer: string }[]) =>
    items.map(({ answer }) => ({ kind: 'judged', correct: right(answer), reply: answer })),
};
export const embedder = {
  describe: { id: 'lengths' },
  embed: (texts: readonly string[]) =>
    texts.map((text) => ({ kind: 'embedded', vector: [1, text.length] })),
};
export const model = {
  describe: { id: 'parrot' },
  answer: () => ({ kind: 'answered', text: 'liver' }),
};
export const brevity = {
  score: (items: readonly Item[]) =>
    items.map(({ response }) => ({ kind: 'scored', value: 1 / (1 + response.length) })),
};
export const broken = {
  score: (items: readonly Item[]) =>
    items.map(({ response }) => ({ kind: 'scored', value: response.length })),
};
`;

beforeAll(async () => {
  await writeFile(join(folder, 'mine.ts'), mine);
});

const withBrevity = [
  'reward.components.brevity.module=./mine.ts#brevity',
  'reward.components.brevity.weight=0.2',
];

it('a file of responses is scored by own parts, and by others it is scored anew', async () => {
  const response = '<CT_SCAN><thinking>I see.</thinking><answer>lung</answer>';
  const row = { id: 'a', response, ground_truth: '<CT_SCAN>liver' };
  await writeFile(join(folder, 'rows.jsonl'), `${JSON.stringify(row)}\n`);
  const score = (out: string, ...more: readonly string[]) =>
    medix(
      folder,
      ...['reward', 'score', 'rows.jsonl', '--out', out, ...withBrevity],
      ...['reward.judge={kind: module, module: "./mine.ts#judge"}'],
      ...['reward.embedder={kind: module, module: "./mine.ts#embedder"}', ...more],
    );
  const { code, stdout, stderr } = await score('scores.jsonl');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toContain('judge first-letter, embedder lengths');
  const scored = JSON.parse(await readFile(join(folder, 'scores.jsonl'), 'utf8'));
  const brevity = 1 / (1 + response.length);
  expect(scored).toMatchObject({
    components: { judge: { value: 1 }, similarity: { value: 1 }, brevity: { value: brevity } },
    reward: expect.closeTo(0.8 + 0.2 * brevity, 9),
  });

  const broken = await score('broken.jsonl', 'reward.components.brevity.module=./mine.ts#broken');
  expect(broken.code).toBe(1);
  expect(JSON.parse(await readFile(join(folder, 'broken.jsonl'), 'utf8'))).toMatchObject({
    reward: null,
    message: expect.stringContaining('reward component brevity gave'),
  });
});

it('a run is trained with an own component, which its records show and `reward explain` tells', async () => {
  const run = await medix(
    folder,
    ...['train', `model=${tinyModel}`, 'out=run', 'iterations=1', 'data.train=phantoms'],
    ...['data.trainCount=8', 'rollout.promptsPerIteration=2', 'rollout.groupSize=2'],
    ...['rollout.maxCompletionTokens=4', 'algorithm.filter=none', ...withBrevity],
  );
  expect(run.stderr).toBe('');
  expect(run.code).toBe(0);
  const [metrics] = await readMetrics(join(folder, 'run'));
  expect(metrics?.values['reward/brevity/mean']).toBeGreaterThan(0);
  const [rollout] = await readRollouts(join(folder, 'run'), 1, 'training');
  expect(rollout?.components).toHaveProperty('brevity');
  const { facts } = await readManifest(join(folder, 'run'));
  expect(facts['profile']).toMatchObject({
    ownComponents: [
      { name: 'brevity', weight: 0.2, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ],
  });

  const told = await medix(folder, 'reward', 'explain', 'run', rollout?.key ?? '');
  expect(told.stdout).toMatch(/^brevity: 0\.\d+$/m);
  expect(told.stdout).toMatch(/^reward: 0\.8 × \[.*\] \+ 0\.2 × 0\.\d+ \(brevity\) = /m);
});

it('an own model is evaluated, and judged by an own judge', async () => {
  await writeFile(
    join(folder, 'organs.jsonl'),
    ['liver', 'lung', 'spleen']
      .map((answer, i) => `${JSON.stringify({ question: `Organ ${i}?`, answer })}\n`)
      .join(''),
  );
  await writeFile(
    join(folder, 'organs.yaml'),
    `id: organs
title: Organs
input: text
kind: open
source: { path: organs.jsonl }
rows: null
licence: null
access: public
rubric: binary
layouts:
  - columns: [question, answer]
    question: "{{ question }}"
    reference: { text: answer }
    cluster: row
`,
  );
  const evaluate = (module: string) =>
    medix(
      folder,
      ...['eval', 'run', 'tasks=[organs.yaml]', 'out=evals/parrot'],
      `model={kind: module, module: "${module}"}`,
      'judging.judges=[{kind: module, module: "./mine.ts#judge"}]',
    );
  const { code, stdout, stderr } = await evaluate('./mine.ts#model');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toContain('judge first-letter may be unfit');
  const report = JSON.parse(await readFile(join(folder, 'evals/parrot/report.json'), 'utf8'));
  expect(report).toMatchObject({
    model: { id: 'parrot', kind: 'module' },
    tasks: [{ task: 'organs', result: { figure: { score: 1, answers: 3 } } }],
  });

  await writeFile(join(folder, 'changed.ts'), mine);
  const other = await evaluate('./changed.ts#judge');
  expect(other.code).toBe(1);
  expect(other.stderr).toContain('expected a model: an object with describe.id and answer');
});
