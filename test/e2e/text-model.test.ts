/** Models that read text alone, through every command that opens one. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { imagePath, medix, temporaryFolder } from './medix.ts';

const folder = await temporaryFolder();
const modelOf = (family: string) =>
  fileURLToPath(new URL(`../fixtures/text-families/${family}/model`, import.meta.url));
const llama = modelOf('llama');
const lora = 'engine={kind: local, lora: {rank: 2}}';
const text = ['data.textOnly=true', 'data.template=question'];

const json = async (...path: readonly string[]) =>
  JSON.parse(await readFile(join(folder, ...path), 'utf8'));

beforeAll(async () => {
  const rows = Array.from({ length: 8 }, (_, i) => ({
    problem: `Which organ is number ${i}?`,
    solution: `<OTHER>${['liver', 'heart'][i % 2]}`,
  }));
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  await writeFile(join(folder, 'questions.jsonl'), lines);
  await mkdir(join(folder, 'tasks'));
  await writeFile(
    join(folder, 'tasks', 'organs.jsonl'),
    '{"question": "Which organ?", "answer": "liver"}\n{"question": "Which bone?", "answer": "rib"}\n',
  );
  await writeFile(
    join(folder, 'tasks', 'organs.yaml'),
    `id: organs
title: Organs
input: text
kind: open
source: { path: organs.jsonl }
rows: 2
licence: null
access: public
rubric: binary
layouts:
  - columns: [question, answer]
    question: "{{ question }}"
    reference: { text: answer }
    cluster: { column: question }
`,
  );
});

it('a model of text answers', async () => {
  const words = [
    '--prompt',
    'Which organ?',
    '--max-tokens',
    '4',
    '--template',
    'question',
    '--json',
  ];
  const outcome = await medix(folder, 'generate', '--model', modelOf('qwen2'), ...words);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(outcome.stdout).tokens.length).toBeGreaterThan(0);
  const seen = await medix(
    folder,
    ...['generate', '--model', llama, ...words, '--image', imagePath('exact.png')],
  );
  expect(seen.code).toBe(1);
  expect(seen.stderr).toMatch(
    /^image .*exact\.png: expected a sample without images: the model reads text alone, got an image; /,
  );
});

it('its factors are trained by rewards for an iteration, and merged into a checkpoint', async () => {
  const outcome = await medix(
    folder,
    ...['train', `model=${llama}`, 'out=run', lora, 'data.train=questions.jsonl', ...text],
    ...['rollout.promptsPerIteration=2', 'rollout.groupSize=2', 'rollout.maxCompletionTokens=6'],
    ...['iterations=1', 'algorithm.filter=none'],
  );
  // A tiny run may well find no group that differs, and then ends with an error of its own.
  expect(outcome.stdout).toContain('the model is in run/model');
  const adapter = await json('run/model', 'adapter_config.json');
  expect(adapter.target_modules.toSorted()).toEqual(
    ['down_proj', 'gate_proj', 'k_proj', 'o_proj', 'q_proj', 'up_proj', 'v_proj'].toSorted(),
  );
  const exported = await medix(folder, 'export', 'merged', '--merge', 'run');
  expect(exported).toMatchObject({ code: 0, stderr: '' });
  expect(await json('merged', 'config.json')).toMatchObject({ model_type: 'llama' });
});

it('every weight is trained on demonstrations, and the model evaluated by its folder', async () => {
  const tuned = await medix(
    folder,
    ...['sft', `model=${modelOf('qwen3')}`, 'out=tuned', 'data.train=questions.jsonl', ...text],
    ...['demonstrations=from-solutions', 'batchSize=2', 'iterations=2'],
  );
  expect(tuned).toMatchObject({ code: 0 });
  expect(await readdir(join(folder, 'tuned/model'))).toEqual(
    expect.arrayContaining(['chat_template.jinja', 'config.json', 'model.safetensors']),
  );
  const evaluated = await medix(
    folder,
    ...['eval', 'run', 'model={kind: local, path: tuned/model}', 'tasks=[tasks/organs.yaml]'],
    ...['out=results', 'sampling.maxTokens=8', 'judging.judges=[{kind: reference-match}]'],
  );
  // Nothing was learnt that is worth a verdict; that there are answers is all.
  expect(evaluated.stdout).toContain('the report is in results');
  const report = await json('results', 'report.json');
  expect(report.tasks[0]).toMatchObject({ task: 'organs', coverage: { answered: 2 } });
});

it.each(['train', 'sft'])(
  '%s says before it reads weights that it sees no images',
  async (command) => {
    const data = ['data.train=phantoms', 'data.trainCount=8'];
    const { code, stderr } = await medix(folder, command, `model=${llama}`, 'out=blind', ...data);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^data\.textOnly: expected true: the model reads text alone \(LlamaForCausalLM\), got false, /m,
    );
  },
);
