/** Weights that somebody trained: SmolLM2-135M-Instruct here and in `transformers`. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import { largestDifference } from '../../src/model/tiny-model.fixture.ts';
import { smolLm } from './parts.ts';

const python = '/opt/parity-venv/bin/python';
const script = (name: string) => fileURLToPath(new URL(`../parity/${name}`, import.meta.url));
const never = new AbortController().signal;

const newTokens = 24;
const questions = [
  'Which bone is broken in a Colles fracture?\nA. Ulna\nB. Radius\nC. Tibia\nD. Femur\nAnswer with the letter.',
  'Does aspirin inhibit platelets? Answer with yes, no or maybe only.',
  'Name three causes of a pleural effusion, e.g. heart failure (≥ 50 %).',
  '¿Qué es la hipertensión?\n\n  Explain in  English,\tplease.',
];

type Answered = {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  readonly logprobs: readonly number[];
};

let root: string;
let theirs: readonly Answered[] | undefined;
let missing = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'medix-smollm2-'));
  const run = promisify(execFile);
  const gguf = await smolLm();
  if ('missing' in gguf) {
    missing = gguf.missing;
    return;
  }
  try {
    await run(python, ['-c', 'import torch, transformers, gguf']);
  } catch {
    missing = `${python} has no torch, transformers and gguf; see CONTRIBUTING.md`;
    return;
  }
  await run(python, [script('smollm2.py'), root, gguf.path]);
  const asked = run(python, [script('greedy_answers.py'), root], { maxBuffer: 1 << 26 });
  asked.child.stdin?.end(JSON.stringify({ prompts: questions, newTokens }));
  const { stdout } = await asked;
  theirs = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as readonly Answered[];
});
afterAll(() => rm(root, { recursive: true, force: true }));

const layered = {
  kind: 'layered',
  base: 'f32',
  adapter: undefined,
  cache: tmpdir(),
  keptBytes: 0,
} as const;

test.for([
  ['whole', {}],
  ['layered', { network: layered }],
] as const)(
  'the %s network has the prompts, greedy answers and logprobs of transformers',
  async ([, options], context) => {
    if (theirs === undefined) return context.skip(missing);
    const engine = await openLocalEngine(root, options);
    const prompts = await Promise.all(
      questions.map((text) =>
        engine.model.processor.encode([{ role: 'user', content: [{ type: 'text', text }] }]),
      ),
    );
    expect(prompts.map(({ tokens }) => [...tokens])).toEqual(theirs.map(({ prompt }) => prompt));
    const requests = prompts.map((prompt, p) => ({
      ...{ prompt, keys: [`question ${p}`], maxTokens: newTokens },
      ...{ temperature: 0, topP: 1, topK: 0 },
    }));
    const answers: number[][] = [];
    for await (const { request, completions } of engine.sample(requests, never)) {
      answers[request] = [...completions[0]!.tokens];
    }
    expect(answers).toEqual(theirs.map(({ answer }) => answer));
    const sequences = prompts.map((prompt, p) => {
      return { prompt, completion: Int32Array.from(answers[p]!) };
    });
    const logprobs = await engine.logprobs(sequences, 'policy', never);
    await engine.close();
    for (const [p, row] of logprobs.entries()) {
      expect(largestDifference(row, theirs[p]!.logprobs)).toBeLessThan(1e-3);
    }
  },
);
