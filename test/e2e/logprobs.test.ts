/** Against `transformers`: the fixture's README.md tells how its values were made. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { tinyCases, tinyTensor } from '../../src/model/tiny-model.fixture.ts';
import { contents, imagePath, medix, temporaryFolder, tinyModel } from './medix.ts';

const folder = await temporaryFolder();
const out = join(folder, 'out.jsonl');
const vocabulary = 400;

/** What `medix logprobs` renders: one user message, images first. */
const cases = ['enlarged', 'alpha'].map((name) => {
  const tiny = tinyCases.find((candidate) => candidate.name === name)!;
  const [image, text] = tiny.messages[0]!.content;
  if (image?.type !== 'image' || text?.type !== 'text') throw new Error('another fixture');
  return { ...tiny, image: imagePath(image.image), prompt: text.text };
});

async function expectedLogprobs(tiny: (typeof cases)[number]): Promise<number[]> {
  const logits = await tinyTensor(tiny.name, 'logits');
  return tiny.greedy.map((token, t) => {
    const row = tiny.inputIds.length - 1 + t;
    const scores = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    return scores[token]! - Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
  });
}

const rowsOf = async (path: string) =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

it('medix logprobs gives the logprobs of transformers, row by row', async () => {
  const bytes = await readFile(cases[1]!.image, 'base64');
  const [enlarged, alpha] = cases.map(({ prompt, greedy }) => ({ prompt, completion: greedy }));
  const rows = [
    { id: 'enlarged', ...enlarged, images: [cases[0]!.image] },
    { id: 1, ...alpha, images: [{ bytes }] },
    // Hundreds of tokens a row, so that the rows are scored in several batches.
    ...Array.from({ length: 8 }, (_, i) => ({
      id: `filler ${i}`,
      prompt: '肺'.repeat(200 + i),
      completion: 'Yes',
    })),
    { id: 'text', prompt: 'Hi', completion: 'Yes' },
    { id: 'ended', prompt: 'Hi', completion: 'Yes', end: true },
  ];
  const input = join(folder, 'in.jsonl');
  await writeFile(input, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const args = ['logprobs', '--model', tinyModel, '--in', input, '--out', out];
  // The images lie elsewhere than the rows, which is to be said.
  args.push('--image-root', dirname(cases[0]!.image));
  expect(await medix(folder, ...args)).toMatchObject({ code: 0, stderr: '' });

  const scored = await rowsOf(out);
  expect(scored.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
  for (const [i, tiny] of cases.entries()) {
    expect(scored[i].promptTokens).toEqual(tiny.inputIds);
    expect(scored[i].tokens).toEqual(tiny.greedy);
    for (const [t, logprob] of (await expectedLogprobs(tiny)).entries()) {
      expect(Math.abs(scored[i].logprobs[t] - logprob)).toBeLessThan(1e-4);
    }
  }
  const [text, ended] = scored.slice(-2);
  expect(ended.tokens.slice(0, -1)).toEqual(text.tokens);
  expect(ended.tokens.at(-1)).toBe(395);
  text.logprobs.forEach((logprob: number, t: number) => {
    expect(ended.logprobs[t]).toBeCloseTo(logprob, 5);
  });

  const before = await contents(folder);
  const refused = await medix(folder, ...args);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/out\.jsonl: expected a file that does not exist .* --force\n$/);
  expect(await contents(folder)).toEqual(before);

  await writeFile(input, JSON.stringify(rows[0]));
  expect(await medix(folder, ...args, '--force')).toMatchObject({ code: 0, stderr: '' });
  const replaced = await rowsOf(out);
  expect(replaced.map(({ tokens }) => tokens)).toEqual([scored[0].tokens]);
});
