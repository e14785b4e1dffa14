/** Whether `transformers` and `peft` read what MediX writes of models that read text alone. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import { mergeAdapter } from '../../src/engine/local/merge-adapter.ts';
import { readModelConfig } from '../../src/model/config.ts';
import { readModelFiles } from '../../src/model/files/model-files.ts';
import { openModelSource } from '../../src/model/files/model-source.ts';
import { createProcessor } from '../../src/model/processor.ts';
import { textFamilies, textPrompt } from '../../src/model/text-families.fixture.ts';
import { largestDifference } from '../../src/model/tiny-model.fixture.ts';
import { hasTransformers, python } from './python.ts';

const script = fileURLToPath(new URL('load_text_model.py', import.meta.url));
const never = new AbortController().signal;

const texts = [
  ' leading,  double   and trailing spaces  ',
  "It's WE'LL don't 'S 12345 x²½Ⅷ",
  'tab\there\r\nline\n\n\n  indented\u00A0nbsp\u2028sep\uFEFFbom',
  'Größe e\u0301 Å ﬁ 肺炎 👩‍⚕️ <think> <answer>B</answer>\n\n',
];

type Answer = {
  readonly missing: string[];
  readonly unexpected: string[];
  readonly eos: number[];
  readonly tokens: number[][];
  readonly inputIds: number[];
  readonly logits: number[];
};

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'medix-text-parity-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe.skipIf(!hasTransformers).each(textFamilies)(
  `a model of the family $name, in transformers (${python})`,
  (family) => {
    const one = family.cases[1]!;
    const tokens = [...one.inputIds, ...one.greedy];

    /** Logprobs of the continuation, from their logits. */
    const continuation = ({ logits }: Answer) => {
      const width = logits.length / tokens.length;
      return one.greedy.map((token, i) => {
        const start = (one.inputIds.length + i - 1) * width;
        const row = logits.slice(start, start + width);
        const top = Math.max(...row);
        return row[token]! - top - Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
      });
    };
    const ours = async (engine: Engine) => {
      const completion = Int32Array.from(one.greedy);
      const [row] = await engine.logprobs(
        [{ prompt: textPrompt(one), completion }],
        'policy',
        never,
      );
      return row!;
    };
    const trained = async (network?: Parameters<typeof openLocalEngine>[1]) => {
      const engine = await openLocalEngine(family.model, network);
      const sequence = { prompt: textPrompt(one), completion: Int32Array.from(one.greedy) };
      const before = await ours(engine);
      for (let step = 0; step < 2; step++) {
        await engine.forwardBackward(
          [sequence],
          (inputs) => ({
            loss: 0,
            gradients: inputs.map(({ policyLogprobs }) => policyLogprobs.map(() => 1)),
            metrics: {},
          }),
          never,
        );
        await engine.optimStep({
          ...{ learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 },
          ...{ weightDecay: 0, maxGradNorm: 1 },
        });
      }
      const folder = await mkdtemp(join(root, `${family.name}-`));
      await engine.exportModel(folder);
      const after = await ours(engine);
      await engine.close();
      expect(largestDifference(after, before)).toBeGreaterThan(1e-2);
      return { folder, after };
    };

    let whole: Awaited<ReturnType<typeof trained>>;
    let adapted: Awaited<ReturnType<typeof trained>>;
    let answers: readonly [whole: Answer, adapted: Answer, merged: Answer];

    beforeAll(async () => {
      whole = await trained();
      const settings = { rank: 2, alpha: 4, rankStabilized: true, targets: '.*' };
      adapted = await trained({
        network: {
          ...{ kind: 'layered', base: 'f32', cache: '', keptBytes: 0 },
          adapter: { settings, seed: 1 },
        },
      });
      const { adapter, ...source } = await openModelSource(adapted.folder);
      const merged = `${adapted.folder}-merged`;
      const merging = { signal: never, onProgress: () => {} };
      await mergeAdapter({ ...source, adapter: adapter! }, merged, undefined, merging);
      const models = [[whole.folder], [family.model, adapted.folder], [merged]];
      const output = execFileSync(python, [script], {
        input: JSON.stringify({ models, texts, messages: one.messages, tokens }),
        maxBuffer: 1 << 28,
        encoding: 'utf8',
      });
      answers = JSON.parse(output.trim().split('\n').at(-1)!);
    });

    test('that was trained here loads whole, and gives the same logprobs', async () => {
      const [answer] = answers;
      expect(answer.missing).toEqual([]);
      expect(answer.unexpected).toEqual([]);
      const config = await readModelConfig(whole.folder);
      expect(config).toEqual(await readModelConfig(family.model));
      expect(answer.eos).toEqual(config.tokens.eos);
      expect(largestDifference(continuation(answer), whole.after)).toBeLessThan(1e-4);
    });

    test('that was written here has the same tokens and prompts', async () => {
      const [answer] = answers;
      const files = await readModelFiles(whole.folder);
      const processor = createProcessor(files, await readModelConfig(whole.folder));
      const encoded = texts.map((text) => Array.from(processor.encodeCompletion(text, false)));
      expect(encoded).toEqual(answer.tokens);
      expect(answer.inputIds).toEqual(one.inputIds);
    });

    test('whose adapter was trained here gives the same logprobs in peft, and merged', () => {
      const [, loaded, merged] = answers;
      expect(largestDifference(continuation(loaded), adapted.after)).toBeLessThan(1e-4);
      expect(largestDifference(continuation(merged), adapted.after)).toBeLessThan(1e-4);
    });
  },
);
