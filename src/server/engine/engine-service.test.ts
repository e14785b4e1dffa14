import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLocalEngine } from '../../engine/local/local-engine.ts';
import { exportFrom } from '../../engine/tinker/export-model.ts';
import { connectTinker } from '../../tinker/client.ts';
import { type ServedEngine, startTinyService } from './served-engine.fixture.ts';

// biome-ignore lint/suspicious/noExplicitAny: bodies of a protocol
type Json = any;

let folder: string;
let service: ServedEngine;

const start = (more: { readonly snapshotSteps?: number; readonly gapMs?: number } = {}) =>
  startTinyService(folder, more);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-engine-service-'));
  service = await start();
});
afterEach(async () => {
  await service.close();
  await rm(folder, { recursive: true });
});

async function post(path: string, body: object) {
  const response = await fetch(`${service.url}/api/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Json };
}
const result = async (request: Promise<Json>): Promise<Json> => {
  const { body } = await request;
  return (await post('retrieve_future', { request_id: body.request_id })).body;
};

async function createModel(): Promise<string> {
  const { session_id } = (await post('create_session', { tags: [], user_metadata: {} })).body;
  const asked = { session_id, model_seq_id: 0, base_model: 'tiny', lora_config: null };
  return (await result(post('create_model', asked))).model_id;
}
const tokens = [5, 6, 7, 8];
const input = {
  data: [
    {
      model_input: { chunks: [{ type: 'encoded_text', tokens: tokens.slice(0, -1) }] },
      loss_fn_inputs: {
        target_tokens: { data: tokens.slice(1), dtype: 'int64', shape: [3] },
        weights: { data: [0, 1, 1], dtype: 'float32', shape: [3] },
      },
    },
  ],
  loss_fn: 'cross_entropy',
};
const backward = (model_id: string, seq_id: number) =>
  post('forward_backward', { model_id, seq_id, forward_backward_input: input });
const forward = (model_id: string, seq_id: number) =>
  post('forward', { model_id, seq_id, forward_input: input });
const step = (model_id: string, seq_id: number) =>
  post('optim_step', { model_id, seq_id, adam_params: { learning_rate: 1e-2 } });
const logprobsOf = async (request: Promise<Json>): Promise<number[]> =>
  (await result(request)).loss_fn_outputs[0].logprobs.data;

it('sums the loss over tokens, and a step lowers it', async () => {
  const model = await createModel();
  const before = await logprobsOf(forward(model, 1));
  const { metrics } = await result(backward(model, 2));
  expect(metrics['loss:sum']).toBeCloseTo(-(before[1]! + before[2]!), 4);
  await result(step(model, 3));
  const after = await logprobsOf(forward(model, 4));
  expect(after[1]! + after[2]!).toBeGreaterThan(before[1]! + before[2]!);
});

it('carries out a number once, and refuses it for other content', async () => {
  const model = await createModel();
  const first = await backward(model, 1);
  expect((await backward(model, 1)).body).toEqual(first.body);
  expect((await step(model, 1)).status).toBe(409);
});

it('works in the order of numbers, whatever order they come in', async () => {
  const model = await createModel();
  const late = step(model, 2);
  await late;
  await backward(model, 1);
  expect((await result(late)).metrics.grad_norm).toBeGreaterThan(0);
});

it('refuses one step after a pass that failed', async () => {
  const model = await createModel();
  const wrong = { ...input, loss_fn: 'none' };
  const asked = { model_id: model, seq_id: 1, forward_backward_input: wrong };
  expect((await result(post('forward_backward', asked))).error).toContain('no loss "none"');
  expect((await result(step(model, 2))).error).toContain('the pass with the number 1 failed');
  expect((await result(step(model, 3))).metrics.skipped_nonfinite).toBe(0);
});

it.each([1, 8])(
  'goes on after a restart as if there had been none, with snapshots every %i steps',
  async (snapshotSteps) => {
    await service.close();
    service = await start({ snapshotSteps });
    const model = await createModel();
    await result(backward(model, 1));
    await result(step(model, 2));
    await result(backward(model, 3));
    await service.close();
    service = await start({ snapshotSteps });
    // Sent again, since its answer might have been lost.
    await result(backward(model, 3));
    await result(step(model, 4));
    const interrupted = await logprobsOf(forward(model, 5));

    const other = await createModel();
    await result(backward(other, 1));
    await result(step(other, 2));
    await result(backward(other, 3));
    await result(step(other, 4));
    expect(interrupted).toEqual(await logprobsOf(forward(other, 5)));
  },
);

it('tells that a sample is gone after a restart', async () => {
  const asked = {
    base_model: 'tiny',
    num_samples: 1,
    prompt: input.data[0]!.model_input,
    sampling_params: { max_tokens: 2, seed: 1 },
  };
  const { body } = await post('asample', asked);
  expect((await result(Promise.resolve({ body }))).sequences[0].tokens.length).toBeGreaterThan(0);
  await service.close();
  service = await start();
  expect((await post('retrieve_future', { request_id: body.request_id })).status).toBe(410);
});

it('lets a sampler keep its weights while the model moves on', async () => {
  const model = await createModel();
  const { sampling_session_id } = await result(
    post('save_weights_for_sampler', { model_id: model, seq_id: 1 }),
  );
  const sample = () =>
    result(
      post('asample', {
        sampling_session_id,
        num_samples: 2,
        prompt: input.data[0]!.model_input,
        sampling_params: { max_tokens: 4, seed: 3 },
        prompt_logprobs: true,
      }),
    );
  const before = await sample();
  await result(backward(model, 2));
  await result(step(model, 3));
  expect(await sample()).toEqual(before);
});

it('answers what is no request of the protocol with 400', async () => {
  expect((await post('asample', { prompt: 3 })).status).toBe(400);
  expect((await post('get_info', { model_id: 'none' })).status).toBe(404);
});

it('gives the weights of a checkpoint as an archive that the client unpacks and the engine opens', async () => {
  const client = await connectTinker({ url: service.url });
  const out = join(folder, 'fetched');
  try {
    const model = await client.createModel({ baseModel: 'tiny', rank: 0 });
    const datum = {
      input: [{ kind: 'text' as const, tokens: Int32Array.from(tokens.slice(0, -1)) }],
      targets: Int32Array.from(tokens.slice(1)),
      lossInputs: { weights: Float32Array.of(0, 1, 1) },
    };
    await model.forwardBackward([datum], { name: 'cross_entropy' });
    const adam = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 0 };
    await model.optimStep({ learningRate: 1e-2, ...adam });
    const { logprobs } = await model.forward([datum]);
    await exportFrom(client, model, out, new AbortController().signal);
    const engine = await openLocalEngine(out);
    const prompt = { tokens: Int32Array.from(tokens.slice(0, 1)), images: [] };
    const completion = Int32Array.from(tokens.slice(1));
    const [row] = await engine.logprobs(
      [{ prompt, completion }],
      'policy',
      new AbortController().signal,
    );
    await engine.close();
    row!.forEach((logprob, t) => {
      expect(logprob).toBeCloseTo(logprobs[0]![t]!, 5);
    });
  } finally {
    client.close();
  }
  const missing = await fetch(
    `${service.url}/api/v1/training_runs/no/checkpoints/weights/no/archive`,
  );
  expect(missing.status).toBe(404);
});
