/**
 * `medix up` with a real vLLM, which serves the quickstart's model. MEDIX_VLLM names its command; docs/clusters.md says how it
 * is installed for the processor.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { defined } from '../../src/core/errors.ts';
import { phantomSample } from '../../src/data/phantoms/study.ts';
import { toPng } from '../../src/image/raster.ts';
import { freePort, medix, startServer, temporaryFolder } from '../e2e/medix.ts';

const command = process.env['MEDIX_VLLM'];
const model = fileURLToPath(new URL('../../assets/start-model', import.meta.url));
const questions = 16;

/** What vLLM says when it is asked for token ids and logprobs. */
type Answer = {
  readonly prompt_token_ids: readonly number[];
  readonly choices: readonly [
    {
      readonly token_ids: readonly number[];
      readonly logprobs: { readonly content: readonly { readonly logprob: number }[] };
    },
  ];
};

async function ask(url: string, image: string, question: string, seed: number): Promise<Answer> {
  const content = [
    { type: 'image_url', image_url: { url: `data:image/png;base64,${image}` } },
    { type: 'text', text: question },
  ];
  const response = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content }],
      max_tokens: 40,
      temperature: 1,
      seed,
      logprobs: true,
      return_token_ids: true,
    }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

it.skipIf(command === undefined)(
  'vLLM makes the same prompts of our models and images, and the same logprobs (skipped without MEDIX_VLLM)',
  async () => {
    const folder = await temporaryFolder();
    const port = await freePort();
    const words = ['--enforce-eager', '--max-model-len=512', '--dtype=float32'];
    const running = await startServer(
      folder,
      [
        ...['up', '--command', command ?? '', '--policy', model, '--policy-port', `${port}`],
        ...words.map((word) => `--vllm=${word}`),
      ],
      /^(all servers)/,
    );
    try {
      const rows: object[] = [];
      const answers: Answer[] = [];
      for (let id = 0; id < questions; id++) {
        const { images, problem } = phantomSample({ seed: 1, split: 'test', index: id });
        const png = await toPng(defined(images[0], 'image').bytes);
        const bytes = Buffer.from(png).toString('base64');
        const answer = await ask(`http://127.0.0.1:${port}/v1`, bytes, problem, id);
        const completion = answer.choices[0].token_ids;
        rows.push({ id, prompt: problem, images: [{ bytes }], completion });
        answers.push(answer);
      }
      const [asked, scored] = [join(folder, 'in.jsonl'), join(folder, 'out.jsonl')];
      await writeFile(asked, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      const argv = ['logprobs', '--model', model, '--in', asked, '--out', scored];
      expect(await medix(folder, ...argv)).toMatchObject({ code: 0, stderr: '' });
      const ours = (await readFile(scored, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(ours.map(({ promptTokens }) => promptTokens)).toEqual(
        answers.map((answer) => answer.prompt_token_ids),
      );
      const differences = answers.flatMap(({ choices: [{ logprobs }] }, i) =>
        logprobs.content.map(({ logprob }, t) => Math.abs(logprob - ours[i].logprobs[t])),
      );
      expect(Math.max(...differences)).toBeLessThan(1e-4);
    } finally {
      running.kill('SIGINT');
      await running.outcome;
    }
  },
);
