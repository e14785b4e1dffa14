/**
 * Batched decoding with a key/value cache. Each prompt is read once for all its completions; rows advance
 * in step, one token at a time, and finished rows are compacted away.
 *
 * Slots: P prompts with R rows each; a prompt with fewer live rows than R has idle slots, whose results
 * are ignored.
 */
import { type Rng, rngFromKey } from '../../../core/rng.ts';
import type { ModelConfig } from '../../../model/config.ts';
import { masked } from '../../../model/decoder/attention.ts';
import { ropeTables } from '../../../model/decoder/positions.ts';
import type { Completion, SampledGroup, SampleRequest } from '../../engine.ts';
import { type PrefillBatch, prefillBatch } from '../batch.ts';
import type { Cancellation, Network } from '../network.ts';
import { KeyValueCache } from './key-value-cache.ts';
import { failNotFinite } from './not-finite.ts';
import { pickToken } from './pick-token.ts';

export type SamplerSettings = SamplingLimits & {
  /** Model directory, for messages. */
  readonly directory: string;
  readonly config: ModelConfig;
  readonly network: Network;
  readonly stopTokens: readonly number[];
  readonly bannedTokens: readonly number[];
};

/** How much is sampled side by side. */
export type SamplingLimits = {
  /** Completions. */
  readonly maxRows: number;
  /** Padded tokens of the prompts. */
  readonly maxPrefillTokens: number;
  /** Padded tokens of prompts and completions, whose keys and values are kept. */
  readonly maxCacheTokens: number;
};

/** A completion in the making. */
type Row = {
  readonly request: number;
  readonly completion: number;
  readonly rng: Rng;
  readonly tokens: number[];
  readonly logprobs: number[];
  stopReason: Completion['stopReason'] | undefined;
};

type Slots = { readonly prompts: readonly number[]; readonly rows: readonly (Row | undefined)[][] };

export async function* sampleBatched(
  requests: readonly SampleRequest[],
  settings: SamplerSettings,
  signal: Cancellation,
): AsyncGenerator<SampledGroup> {
  for (const batch of batchRequests(requests, settings)) {
    yield* sampleBatch(requests, batch, settings, signal);
  }
}

/**
 * Positions of the requests that are sampled side by side, batch by batch. Requests of similar size meet;
 * a request is never split, so its prompt is read once, and a single one may exceed the limits.
 */
export function batchRequests(
  requests: readonly SampleRequest[],
  { maxRows, maxPrefillTokens, maxCacheTokens }: SamplingLimits,
): number[][] {
  const order = requests
    .map((_, i) => i)
    .sort(
      (a, b) =>
        requests[b]!.keys.length - requests[a]!.keys.length ||
        requests[b]!.prompt.tokens.length - requests[a]!.prompt.tokens.length,
    );
  const batches: number[][] = [];
  let current: number[] = [];
  let rows = 0;
  let longest = 0;
  let widest = 0;
  for (const request of order) {
    const { keys, prompt, maxTokens } = requests[request]!;
    rows += keys.length;
    longest = Math.max(longest, prompt.tokens.length);
    widest = Math.max(widest, keys.length * maxTokens);
    const count = current.length + 1;
    if (
      current.length === 0 ||
      rows > maxRows ||
      count * longest > maxPrefillTokens ||
      count * (longest + widest) > maxCacheTokens
    ) {
      current = [];
      batches.push(current);
      rows = keys.length;
      longest = prompt.tokens.length;
      widest = keys.length * maxTokens;
    }
    current.push(request);
  }
  return batches;
}

async function* sampleBatch(
  requests: readonly SampleRequest[],
  batch: readonly number[],
  settings: SamplerSettings,
  signal: Cancellation,
): AsyncGenerator<SampledGroup> {
  const { config, network } = settings;
  const { text } = config;
  const prefill = prefillBatch(
    batch.map((request) => requests[request]!.prompt),
    config,
  );
  const P = batch.length;
  const groups: Row[][] = batch.map((request) =>
    requests[request]!.keys.map((key, completion) => ({
      request,
      completion,
      rng: rngFromKey(key),
      tokens: [],
      logprobs: [],
      stopReason: undefined,
    })),
  );
  const R = Math.max(...groups.map((rows) => rows.length));
  const cache = new KeyValueCache(text, P, R, prefill.bindings['S']!);
  let logprobs = await network.prefill(prefill, cache, signal);
  signal.throwIfAborted();

  const advance = (row: Row, distribution: Float32Array) => {
    const request = requests[row.request]!;
    const token = pickToken(distribution, request, settings.bannedTokens, row.rng.next());
    if (token === undefined) {
      const parameters = network.trained.views;
      failNotFinite({ directory: settings.directory, parameters }, request.prompt);
    }
    row.tokens.push(token);
    row.logprobs.push(distribution[token]!);
    request.onToken?.(row.completion, token);
    if (settings.stopTokens.includes(token) || request.stopTokens?.includes(token))
      row.stopReason = 'stop';
    else if (row.tokens.length >= request.maxTokens) row.stopReason = 'length';
  };
  groups.forEach((rows, p) => {
    for (const row of rows) {
      advance(row, logprobs.subarray(p * text.vocabSize, (p + 1) * text.vocabSize));
    }
  });

  let slots: Slots = {
    prompts: groups.map((_, p) => p),
    rows: groups.map((rows) => Array.from({ length: R }, (_, r) => rows[r])),
  };
  yield* finished(groups, slots);
  for (let length = 1; ; length++) {
    slots = compact(slots, cache);
    if (slots.prompts.length === 0) return;
    logprobs = await runStep(slots, cache, length, prefill, settings, signal);
    signal.throwIfAborted();
    const width = slots.rows[0]!.length;
    slots.rows.forEach((rows, p) => {
      rows.forEach((row, r) => {
        if (row === undefined || row.stopReason !== undefined) return;
        const start = (p * width + r) * text.vocabSize;
        advance(row, logprobs.subarray(start, start + text.vocabSize));
      });
    });
    yield* finished(groups, slots);
  }
}

/** Feeds every row's last token, the `length`-th of its completion; returns logprobs [P·R, V]. */
async function runStep(
  slots: Slots,
  cache: KeyValueCache,
  length: number,
  prefill: PrefillBatch,
  { config, network }: SamplerSettings,
  signal: Cancellation,
): Promise<Float32Array> {
  const rows = slots.rows.flat();
  const width = slots.rows[0]!.length;
  const tokens = Int32Array.from(rows, (row) => row?.tokens.at(-1) ?? config.tokens.pad);
  const positions = new Int32Array(3 * rows.length);
  const prefixBias = new Float32Array(slots.prompts.length * cache.promptLength);
  const allPrefixBias = prefill.values['prefixBias'] as Float32Array;
  slots.prompts.forEach((prompt, p) => {
    for (let axis = 0; axis < 3; axis++) {
      const start = axis * rows.length + p * width;
      positions.fill(prefill.nextPositions[prompt]! + length - 1, start, start + width);
    }
    const bias = allPrefixBias.subarray(
      prompt * cache.promptLength,
      (prompt + 1) * cache.promptLength,
    );
    prefixBias.set(bias, p * cache.promptLength);
  });
  cache.reserve(length);
  const cacheBias = new Float32Array(cache.capacity)
    .fill(0, 0, length - 1)
    .fill(masked, length - 1);
  const values = { tokens, ...ropeTables(positions, config.text), prefixBias, cacheBias };
  const bindings = {
    P: slots.prompts.length,
    R: width,
    S: cache.promptLength,
    T: cache.capacity,
  };
  const logprobs = await network.step({ values, bindings }, cache, signal);
  cache.append(length - 1);
  return logprobs;
}

/** Drops prompts that are done and, once a third of the slots idle, rows that are done. */
function compact(slots: Slots, cache: KeyValueCache): Slots {
  const live = slots.rows.map((rows) =>
    rows.flatMap((row, r) => (row !== undefined && row.stopReason === undefined ? [r] : [])),
  );
  const kept = live.flatMap((rows, p) => (rows.length > 0 ? [p] : []));
  const width = Math.max(0, ...live.map((rows) => rows.length));
  const before = slots.rows.length * (slots.rows[0]?.length ?? 0);
  if (kept.length === 0) return { prompts: [], rows: [] };
  if (kept.length * width > (2 / 3) * before) return slots;
  // An idle slot repeats a live row's cache: its numbers are finite and nobody reads them.
  cache.select(
    kept,
    kept.map((p) => Array.from({ length: width }, (_, r) => live[p]![r] ?? live[p]![0]!)),
  );
  return {
    prompts: kept.map((p) => slots.prompts[p]!),
    rows: kept.map((p) =>
      Array.from({ length: width }, (_, r) => {
        const source = live[p]![r];
        return source === undefined ? undefined : slots.rows[p]![source];
      }),
    ),
  };
}

/** Groups whose last row ended in this step; a group is yielded once, then emptied. */
function* finished(groups: Row[][], slots: Slots): Generator<SampledGroup> {
  for (const prompt of slots.prompts) {
    const rows = groups[prompt]!;
    if (rows.length === 0 || rows.some((row) => row.stopReason === undefined)) continue;
    groups[prompt] = [];
    yield {
      request: rows[0]!.request,
      completions: rows.map((row) => ({
        tokens: Int32Array.from(row.tokens),
        logprobs: Float32Array.from(row.logprobs),
        stopReason: row.stopReason!,
      })),
    };
  }
}
