import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { imagePath, medix, temporaryFolder, tinyModel } from './medix.ts';

const folder = await temporaryFolder();
const question = [
  '--prompt',
  'Which organ?',
  '--image',
  imagePath('photo.jpg'),
  imagePath('tall.png'),
];
const sampling = ['--max-tokens', '16', '--temperature', '1', '--top-p', '0.9'];

async function generate(...args: readonly string[]): Promise<string> {
  const outcome = await medix(folder, 'generate', ...question, ...sampling, ...args);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  return outcome.stdout;
}

it('medix generate draws one answer a seed, as JSON or as text, asked as the model was trained', async () => {
  const template = join(folder, 'own.jinja');
  await writeFile(template, 'Look closely. {{ problem }}');
  const run = join(folder, 'run');
  const config = { data: { template } };
  const manifest = { kind: 'sft', createdAt: '2026-01-01T00:00:00.000Z', config, facts: {} };
  await cp(tinyModel, join(run, 'model'), { recursive: true });
  await writeFile(join(run, 'manifest.json'), JSON.stringify(manifest));

  const given = ['--model', tinyModel, '--template', template, '--seed'];
  const first = JSON.parse(await generate(...given, '7', '--json'));
  expect(first).toEqual({
    modality: null,
    thinking: null,
    answer: null,
    malformed: 'no modality tag at the start',
    text: expect.any(String),
    stopReason: 'length',
    tokens: expect.any(Array),
    logprob: expect.any(Number),
  });
  expect(first.tokens).toHaveLength(16);
  expect(first.logprob).toBeLessThan(0);

  const other = JSON.parse(await generate(...given, '8', '--json'));
  expect(other.tokens).not.toEqual(first.tokens);

  const shown = await generate('--model', join(run, 'model'), '--seed', '7');
  const text = first.text
    .trim()
    .replaceAll(/(?![\n\t])\p{Cc}/gu, '\uFFFD')
    .replaceAll('\n', '\n  ');
  expect(shown).toBe(
    `text: ${text}\nmalformed: no modality tag at the start\ncut off: after 16 tokens\n`,
  );
});
