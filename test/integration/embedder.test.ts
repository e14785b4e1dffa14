/** A real encoder through transformers.js: all-MiniLM-L6-v2, a general one of 384 dimensions. */
import { beforeAll, describe, expect, it } from 'vitest';
import { embedderSection } from '../../src/config/judge-config.ts';
import { systemClock } from '../../src/core/async/clock.ts';
import { cosine, type EmbedOutcome } from '../../src/embed/embedder.ts';
import { openEmbedder } from '../../src/embed/open-embedder.ts';
import { createLedger } from '../../src/http/ledger.ts';
import { miniLm, type Part, peers } from './parts.ts';

const never = new AbortController().signal;

let model: Part;
let folder: Part;
beforeAll(async () => {
  model = await miniLm();
  folder = await peers();
  if ('path' in folder) process.env['MEDIX_PEERS'] = folder.path;
});

function open(path: string, file = 'model_int8') {
  const config = embedderSection.parse({
    kind: 'onnx',
    model: path,
    file,
    pooling: 'mean',
    cache: null,
  });
  return openEmbedder(config, { seed: 1, clock: systemClock, ledger: createLedger() });
}

function vectorOf(outcome: EmbedOutcome | undefined): Float32Array {
  if (outcome?.kind !== 'embedded') throw new Error(`not embedded: ${JSON.stringify(outcome)}`);
  return outcome.vector;
}

describe('MiniLM', () => {
  it('places a synonym nearer than another finding', async (context) => {
    if ('missing' in folder) return context.skip(folder.missing);
    if ('missing' in model) return context.skip(model.missing);
    const embedder = await open(model.path);
    expect(embedder.describe).toMatchObject({ kind: 'onnx', dimensions: 384 });
    const texts = ['heart attack', 'myocardial infarction', 'left lung', 'right lung'];
    const outcomes = await embedder.embed(texts, never);
    const cosineOf = (a: number, b: number) => cosine(vectorOf(outcomes[a]), vectorOf(outcomes[b]));
    const [synonym, other, side] = [cosineOf(0, 1), cosineOf(0, 2), cosineOf(2, 3)];
    process.stdout.write(
      `MiniLM int8: heart attack / myocardial infarction ${synonym.toFixed(3)}, heart attack / left lung ${other.toFixed(3)}, left lung / right lung ${side.toFixed(3)}\n`,
    );
    expect(synonym).toBeGreaterThan(other + 0.2);
    expect(cosineOf(0, 0)).toBeCloseTo(1, 5);
    await embedder.close();
  });

  it('says which file is missing', async (context) => {
    if ('missing' in folder) return context.skip(folder.missing);
    if ('missing' in model) return context.skip(model.missing);
    await expect(open(model.path, 'absent')).rejects.toThrow(/onnx\/absent\.onnx/);
  });
});
