/**
 * Test support: a Tinker server that does what the engine service does not, as a script says: it averages, drops
 * images, shifts logprobs, carries requests out twice. It writes JSON, and stands on a local engine.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../core/digest.ts';
import type { ImagePatches, Prompt } from '../../model/prompt.ts';
import { processImage } from '../../model/vision/image-processor.ts';
import type { CheckpointHandle, Completion, Engine, Loss, Sequence } from '../engine.ts';
import type { ImageReading } from './datums.ts';

// biome-ignore lint/suspicious/noExplicitAny: bodies of a protocol, which this server takes on trust
type Json = Record<string, any>;
type Chunk =
  | { readonly type: 'encoded_text'; readonly tokens: number[] }
  | { readonly type: 'image'; readonly data: string; readonly expected_tokens: number };

export type ServerScript = {
  /** Images take their place, and are not looked at. */
  readonly dropsImages?: 'sampler' | 'trainer';
  /**
   * Logprobs of samples, or of those that are asked for together, are too high, as those from the most likely tokens
   * alone are: by 1.4, seen on a server.
   */
  readonly truncates?: 'all' | 'together';
  /** Completions that are asked for one by one have the most likely tokens, whatever the temperature. */
  readonly takesLikeliest?: boolean;
  /** A loss is divided by the tokens of its sequence, and by the sequences of a step. */
  readonly averages?: boolean;
  /** A number that comes again is carried out again. */
  readonly forgetsNumbers?: boolean;
  /** Its ppo does not clip. */
  readonly neverClips?: boolean;
  /** One pass with a loss is refused: the one after so many requests that changed something. */
  readonly refuses?: { readonly after: number };
};

export type TinkerServer = {
  readonly url: string;
  /** Requests that changed weights or gradients, in the order in which they were carried out. */
  readonly applied: readonly string[];
  /** Forward passes without a gradient. */
  readonly forwards: number;
  readonly models: number;
  close(): Promise<void>;
};

type Bounds = { readonly low: number; readonly high: number };
type SentLoss = { readonly name: string; readonly bounds: Bounds };

type Model = {
  readonly engine: Engine;
  readonly taken: Map<number, { readonly digest: string; readonly id: string }>;
  next: number;
};

const never = new AbortController().signal;

/**
 * @param open a fresh engine at the base model's weights
 * @param images how the model reads them
 */
export async function startTinkerServer(
  open: () => Promise<Engine>,
  images: ImageReading,
  script: ServerScript = {},
): Promise<TinkerServer> {
  const folder = await mkdtemp(join(tmpdir(), 'medix-tinker-'));
  const models = new Map<string, Model>();
  const samplers = new Map<string, string>();
  const results = new Map<string, Promise<Json>>();
  const saved = new Map<string, { readonly handle: CheckpointHandle; readonly folder: string }>();
  const applied: string[] = [];
  const pictures = new Map<string, Promise<ImagePatches>>();
  let counter = 0;
  let forwards = 0;
  // One after the other, as a server with one device does.
  let last: Promise<unknown> = Promise.resolve();

  const later = (work: () => Promise<Json>): string => {
    const id = `f${++counter}`;
    const result = last
      .then(work)
      .catch((error: Error) => ({ error: error.message, category: 'user' }));
    last = result;
    results.set(id, result);
    return id;
  };

  const modelOf = (id: string): Model => {
    const found = models.get(id);
    if (found === undefined) throw new Refused(404, `no model ${id}`);
    return found;
  };

  const pictureOf = async ({ data, expected_tokens }: Extract<Chunk, { type: 'image' }>) => {
    if (images === undefined) throw new Refused(400, 'the model reads no images');
    const { settings, placeholder } = images;
    const file = { name: 'sent', bytes: Buffer.from(data, 'base64') };
    const known = pictures.get(data) ?? processImage(file, settings);
    pictures.set(data, known);
    const patches = await known;
    const count = (patches.grid.h * patches.grid.w) / settings.mergeSize ** 2;
    if (count !== expected_tokens) {
      throw new Refused(400, `an image of ${count} tokens, not of ${expected_tokens}`);
    }
    return { patches, placeholders: Array.from({ length: count }, () => placeholder) };
  };

  const promptOf = async (chunks: readonly Chunk[], isBlind: boolean): Promise<Prompt> => {
    const tokens: number[] = [];
    const seen: ImagePatches[] = [];
    for (const chunk of chunks) {
      if (chunk.type === 'encoded_text') {
        tokens.push(...chunk.tokens);
        continue;
      }
      const { patches, placeholders } = await pictureOf(chunk);
      seen.push(isBlind ? { ...patches, patches: patches.patches.map(() => 0) } : patches);
      tokens.push(...placeholders);
    }
    return { tokens: Int32Array.from(tokens), images: seen };
  };

  const sequencesOf = (data: readonly Json[]) =>
    Promise.all(
      data.map(async ({ model_input, loss_fn_inputs }) => {
        const targets: number[] = loss_fn_inputs.target_tokens.data;
        const weights: number[] = loss_fn_inputs.weights.data;
        const start = weights.findIndex((weight) => weight !== 0);
        const whole = await promptOf(model_input.chunks, script.dropsImages === 'trainer');
        const sequence: Sequence = {
          prompt: { ...whole, tokens: whole.tokens.slice(0, start + 1) },
          completion: Int32Array.from(targets.slice(start)),
        };
        return { sequence, start, inputs: loss_fn_inputs, tokens: targets.length };
      }),
    );

  const forward = async (
    { engine }: Model,
    data: readonly Json[],
    loss?: SentLoss,
    divisor = 1,
  ) => {
    const made = await sequencesOf(data);
    const sequences = made.map(({ sequence }) => sequence);
    let logprobs: readonly Float32Array[] = [];
    if (loss === undefined) {
      logprobs = await engine.logprobs(sequences, 'policy', never);
    } else {
      const seen: Float32Array[] = [];
      const { name, bounds } = loss;
      const compute = lossOf(name, made, seen, divisor, bounds);
      await engine.forwardBackward(sequences, compute, never);
      logprobs = seen;
    }
    return {
      loss_fn_output_type: 'x',
      loss_fn_outputs: made.map(({ start, tokens }, i) => ({
        logprobs: {
          data: [...new Array(start).fill(0), ...logprobs[i]!],
          dtype: 'float32',
          shape: [tokens],
        },
      })),
      metrics: {},
    };
  };

  const factorOf = (name: string, ratio: number, advantage: number, { low, high }: Bounds) => {
    const clipped = Math.min(high, Math.max(low, ratio));
    if (name === 'cispo') return clipped;
    const isClipped = clipped * advantage < ratio * advantage;
    return name === 'ppo' && isClipped && !script.neverClips ? 0 : ratio;
  };

  const lossOf =
    (
      name: string,
      made: Awaited<ReturnType<typeof sequencesOf>>,
      seen: Float32Array[],
      divisor: number,
      bounds: Bounds,
    ): Loss =>
    (inputs) => ({
      loss: 0,
      metrics: {},
      gradients: inputs.map(({ index, policyLogprobs }) => {
        seen[index] = policyLogprobs;
        const { start, inputs: given } = made[index]!;
        const of = (key: string): number[] => given[key].data.slice(start);
        if (name === 'cross_entropy') return Float32Array.from(of('weights'), (weight) => -weight);
        const [advantages, old] = [of('advantages'), of('logprobs')];
        const own = script.averages ? policyLogprobs.length : 1;
        return policyLogprobs.map((value, t) => {
          const factor = factorOf(name, Math.exp(value - old[t]!), advantages[t]!, bounds);
          return (-advantages[t]! * factor) / own / divisor;
        });
      }),
    });

  /** Losses of a step wait for it where they are averaged over it. */
  const waiting = new Map<Model, { data: readonly Json[]; loss: SentLoss }[]>();

  const numbered: Record<string, (model: Model, body: Json) => Promise<Json>> = {
    forward: (model, { forward_input: { data } }) => {
      forwards++;
      return forward(model, data);
    },
    forward_backward: async (model, body) => {
      const { data, loss_fn: name, loss_fn_config: config } = body['forward_backward_input'];
      if (!['importance_sampling', 'cross_entropy', 'ppo', 'cispo'].includes(name))
        throw new Error(`no loss ${name}`);
      if (applied.length === script.refuses?.after) {
        applied.push('refused');
        throw new Error('out of memory');
      }
      const { clip_low_threshold: low = 0.8, clip_high_threshold: high = 1.2 } = config ?? {};
      const loss = { name, bounds: { low, high } };
      applied.push('forward_backward');
      if (!script.averages) return forward(model, data, loss);
      const open = waiting.get(model) ?? [];
      open.push({ data, loss });
      waiting.set(model, open);
      return forward(model, data);
    },
    optim_step: async (model, { adam_params: adam }) => {
      applied.push('optim_step');
      const open = waiting.get(model) ?? [];
      const sequences = open.reduce((sum, { data }) => sum + data.length, 0);
      for (const { data, loss } of open) await forward(model, data, loss, sequences);
      waiting.delete(model);
      const report = await model.engine.optimStep({
        learningRate: adam.learning_rate,
        beta1: adam.beta1,
        beta2: adam.beta2,
        epsilon: adam.eps,
        weightDecay: adam.weight_decay,
        maxGradNorm: adam.grad_clip_norm,
      });
      return { metrics: report.kind === 'applied' ? { grad_norm: report.gradNorm } : {} };
    },
    save_weights: async (model, { model_id, path }) => {
      const name = `tinker://${model_id}/weights/${path}`;
      const place = join(folder, digestOf(name));
      saved.set(name, { handle: await model.engine.save(place), folder: place });
      return { path: name };
    },
    load_weights: async (model, { path }) => {
      const found = saved.get(path);
      if (found === undefined) throw new Error(`no checkpoint ${path}`);
      await model.engine.load(found.handle, found.folder);
      return {};
    },
    save_weights_for_sampler: async (_model, { model_id }) => {
      const id = `s${++counter}`;
      samplers.set(id, model_id);
      return { sampling_session_id: id };
    },
  };

  const sample = async (body: Json): Promise<Json> => {
    const { engine } = modelOf(samplers.get(body['sampling_session_id']) ?? '');
    const { max_tokens, temperature, top_p, top_k, seed, stop } = body['sampling_params'];
    const prompt = await promptOf(body['prompt'].chunks, script.dropsImages === 'sampler');
    const count: number = body['num_samples'];
    const isRaised = script.truncates === 'all' || (script.truncates === 'together' && count > 1);
    const request = {
      prompt,
      keys: Array.from({ length: count }, (_, i) => `seed ${seed}/${i}`),
      maxTokens: max_tokens,
      temperature: script.takesLikeliest && count === 1 ? 0 : temperature,
      topP: top_p,
      topK: Math.max(0, top_k),
    };
    const sequences: Json[] = [];
    for await (const { completions } of engine.sample([request], never)) {
      const raised = isRaised ? 1.4 : 0;
      sequences.push(...completions.map((completion) => sampledJson(completion, stop, raised)));
    }
    return { sequences };
  };

  const sampledJson = (
    { tokens, logprobs, stopReason }: Completion,
    stop: number[],
    raised: number,
  ): Json => {
    const end = tokens.findIndex((token) => stop.includes(token));
    const kept = end < 0 ? tokens.length : end + 1;
    return {
      tokens: [...tokens.slice(0, kept)],
      logprobs: Array.from(logprobs.slice(0, kept), (it) => it + raised),
      stop_reason: end < 0 ? stopReason : 'stop',
    };
  };

  const simple: Record<string, (body: Json) => Json | Promise<Json>> = {
    get_server_capabilities: () => ({ supported_models: [{ model_name: 'tiny' }] }),
    create_session: () => ({ session_id: `session-${++counter}` }),
    session_heartbeat: () => ({}),
    create_model: async ({ base_model }) => {
      if (base_model !== 'tiny') throw new Refused(400, `no model ${base_model}`);
      const id = `m${++counter}`;
      models.set(id, { engine: await open(), taken: new Map(), next: 1 });
      return { request_id: later(async () => ({ model_id: id })) };
    },
    unload_model: ({ model_id }) => {
      const { engine } = modelOf(model_id);
      models.delete(model_id);
      return { request_id: later(() => engine.close().then(() => ({}))) };
    },
    asample: (body) => ({ request_id: later(() => sample(body)) }),
    retrieve_future: ({ request_id }) => {
      const result = results.get(request_id);
      if (result === undefined) throw new Refused(410, 'the result is gone');
      return result;
    },
  };

  const answer = async (path: string, body: Json): Promise<Json> => {
    const known = simple[path];
    if (known !== undefined) return known(body);
    const work = numbered[path];
    if (work === undefined) throw new Refused(404, `no path ${path}`);
    const model = modelOf(body['model_id']);
    const seq: number = body['seq_id'];
    const digest = digestOf(body);
    const before = model.taken.get(seq);
    if (before && !script.forgetsNumbers) {
      if (before.digest === digest) return { request_id: before.id };
      throw new Refused(409, `the number ${seq} was another request's`);
    }
    if (!before && seq !== model.next) throw new Refused(400, `not the number ${model.next}`);
    model.next = Math.max(model.next, seq + 1);
    const id = later(() => work(model, body));
    model.taken.set(seq, { digest, id });
    return { request_id: id };
  };

  const respond = async (response: ServerResponse, path: string, body: Json): Promise<void> => {
    try {
      send(response, 200, await answer(path, body));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      send(response, error.status, { detail: error.message });
    }
  };

  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').replace('/api/v1/', '');
    const body: Json = request.method === 'GET' ? {} : JSON.parse(await textOf(request));
    await respond(response, path, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const endModels = async () => {
    await last;
    await Promise.all([...models.values()].map(({ engine }) => engine.close()));
    models.clear();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    applied,
    get forwards() {
      return forwards;
    },
    get models() {
      return models.size;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await endModels();
      await rm(folder, { recursive: true });
    },
  };
}

class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
