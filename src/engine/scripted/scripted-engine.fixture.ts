/**
 * An engine for tests: the whole Engine contract over a tabular policy, in plain arithmetic. A training
 * loop really learns on it in milliseconds, and faults are injected through {@link ScriptedOptions.onCall}.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metrics } from '../../core/metrics.ts';
import { mergeMetrics } from '../../core/metrics.ts';
import { rngFromKey } from '../../core/rng.ts';
import { requireOwnHandle } from '../checkpoint-handle.ts';
import { requireRoom } from '../context-length.ts';
import type {
  Completion,
  Engine,
  Loss,
  LossInput,
  ModelDescription,
  SampledGroup,
  SampleRequest,
  Sequence,
  StepReport,
  Weights,
} from '../engine.ts';
import { TabularPolicy, type TabularState } from './tabular-policy.fixture.ts';
import { createTextProcessor } from './text-processor.fixture.ts';

type ScriptedVerb = 'sample' | 'logprobs' | 'forwardBackward' | 'optimStep' | 'save' | 'load';

export type ScriptedOptions = {
  /** Completion vocabulary; see {@link createTextProcessor}. */
  readonly pieces: readonly string[];
  /** Tokens of prompt and completion. @default 4096 */
  readonly contextLength?: number;
  /** Runs before the n-th call (from 1) of a verb; what it throws is thrown by that call. */
  /** Added to every logprob that sampling returns: then they are approximate. @default none */
  readonly samplerNoise?: number;
  /** Losses that it claims to run by itself. @default none */
  readonly losses?: readonly string[];
  readonly onCall?: (verb: ScriptedVerb, count: number) => void | Promise<void>;
};

const stateFile = 'policy.json';
/** Small, so that tests see a loss called several times for one `forwardBackward`. */
const microBatch = 3;

/**
 * A deterministic engine whose policy starts uniform over the pieces. Sampling honours `temperature`;
 * `topP` and `topK` other than "keep all" are refused. The reference policy is the uniform start.
 */
export function createScriptedEngine(options: ScriptedOptions): Engine {
  const processor = createTextProcessor(options.pieces);
  const vocabulary = options.pieces.length + 1;
  const policy = new TabularPolicy(vocabulary);
  const reference = new TabularPolicy(vocabulary);
  const counts = new Map<ScriptedVerb, number>();
  const { samplerNoise = 0 } = options;

  const model: ModelDescription = {
    id: 'scripted',
    contextLength: options.contextLength ?? 4096,
    get parameters() {
      return policy.parameters;
    },
    processor,
  };

  const enter = async (verb: ScriptedVerb, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    const count = (counts.get(verb) ?? 0) + 1;
    counts.set(verb, count);
    await options.onCall?.(verb, count);
    signal?.throwIfAborted();
  };

  const requireRoomFor = (sequences: readonly Sequence[]) => {
    for (const { prompt, completion } of sequences) requireRoom(model, prompt, completion.length);
  };

  async function* sample(
    requests: readonly SampleRequest[],
    signal: AbortSignal,
  ): AsyncGenerator<SampledGroup> {
    for (const { prompt, maxTokens } of requests) requireRoom(model, prompt, maxTokens);
    await enter('sample', signal);
    for (const [request, { keys, ...rest }] of requests.entries()) {
      signal.throwIfAborted();
      const completions = keys.map((key, index) =>
        withNoise(complete(policy, processor.stopTokens[0]!, key, index, rest), samplerNoise),
      );
      yield { request, completions };
    }
  }

  const forwardBackward = async (
    sequences: readonly Sequence[],
    loss: Loss,
    signal: AbortSignal,
  ) => {
    requireRoomFor(sequences);
    await enter('forwardBackward', signal);
    const metrics: Metrics[] = [];
    let total = 0;
    for (let start = 0; start < sequences.length; start += microBatch) {
      const inputs: LossInput[] = sequences
        .slice(start, start + microBatch)
        .map(({ prompt, completion }, i) => ({
          index: start + i,
          policyLogprobs: policy.logprobs(prompt, completion),
          policyEntropies: policy.entropies(prompt, completion),
        }));
      const part = loss(inputs);
      inputs.forEach(({ index }, i) => {
        const { prompt, completion } = sequences[index]!;
        policy.accumulate(prompt, completion, part.gradients[i]!, part.entropyGradients?.[i]);
      });
      total += part.loss;
      metrics.push(part.metrics);
    }
    return { loss: total, metrics: mergeMetrics(metrics) };
  };

  const write = async (directory: string) => {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, stateFile), JSON.stringify(policy.state()));
  };

  return {
    model,
    guarantees: {
      samplerLogprobs: options.samplerNoise === undefined ? 'exact' : 'approximate',
      losses: options.losses ?? [],
      entropies: true,
    },
    sample,
    forwardBackward,
    logprobs: async (sequences: readonly Sequence[], weights: Weights, signal: AbortSignal) => {
      requireRoomFor(sequences);
      await enter('logprobs', signal);
      const table = weights === 'policy' ? policy : reference;
      return sequences.map(({ prompt, completion }) => table.logprobs(prompt, completion));
    },
    optimStep: async (adam): Promise<StepReport> => {
      await enter('optimStep');
      return policy.step(adam);
    },
    save: async (directory) => {
      await enter('save');
      await write(directory);
      return { engine: 'scripted' };
    },
    load: async (handle, directory) => {
      requireOwnHandle(handle, 'scripted', directory);
      await enter('load');
      const text = await readFile(join(directory, stateFile), 'utf8');
      policy.restore(JSON.parse(text) as TabularState);
    },
    exportModel: write,
    close: async () => {},
  };
}

function withNoise(completion: Completion, noise: number): Completion {
  return { ...completion, logprobs: completion.logprobs.map((logprob) => logprob + noise) };
}

function complete(
  policy: TabularPolicy,
  stop: number,
  key: string,
  index: number,
  request: Omit<SampleRequest, 'keys'>,
): Completion {
  if (request.topP !== 1 || request.topK !== 0) {
    throw new Error('the scripted engine samples from the whole vocabulary: topP 1, topK 0');
  }
  const rng = rngFromKey(key);
  const tokens: number[] = [];
  const logprobs: number[] = [];
  while (tokens.length < request.maxTokens && tokens.at(-1) !== stop) {
    const { token, logprob } = policy.sample(
      request.prompt,
      tokens.length,
      request.temperature,
      rng,
    );
    tokens.push(token);
    logprobs.push(logprob);
    request.onToken?.(index, token);
  }
  return {
    tokens: Int32Array.from(tokens),
    logprobs: Float32Array.from(logprobs),
    stopReason: tokens.at(-1) === stop ? 'stop' : 'length',
  };
}
