import fc from 'fast-check';
import { expect, it } from 'vitest';
import { tinyConfig } from '../../../model/tiny-model.fixture.ts';
import { KeyValueCache } from './key-value-cache.ts';

const text = { ...(await tinyConfig()).text, layers: 2, kvHeads: 2, headDim: 3 };
const promptLength = 5;
const perToken = text.kvHeads * text.headDim;

/** The cache, and beside it what each of its slots ought to hold. */
type Kept = {
  readonly cache: KeyValueCache;
  readonly slots: { readonly prompt: number; readonly tokens: readonly number[] }[];
  /** Slots of a prompt. */
  readonly width: number;
};

/** Numbers by which values are told apart. */
function numbered(length: number, first: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => first + i / 1000);
}

function openCache(prompts: number, width: number): Kept {
  const cache = new KeyValueCache(text, prompts, width, promptLength);
  for (const values of Object.values(cache.promptValues)) {
    values.set(numbered(values.length, 0));
  }
  const slots = Array.from({ length: prompts * width }, (_, slot) => {
    return { prompt: Math.floor(slot / width), tokens: [] };
  });
  return { cache, slots, width };
}

/** One token of every slot. */
function append({ cache, slots, width }: Kept): Kept {
  const length = slots[0]!.tokens.length;
  const tokenOf = (slot: number) => 100 * length + slot;
  cache.reserve(length + 1);
  for (const values of Object.values(cache.newValues)) {
    for (let slot = 0; slot < slots.length; slot++) {
      values.set(numbered(perToken, tokenOf(slot)), slot * perToken);
    }
  }
  cache.append(length);
  const longer = slots.map(({ prompt, tokens }, slot) => {
    return { prompt, tokens: [...tokens, tokenOf(slot)] };
  });
  return { cache, slots: longer, width };
}

/** As the sampler does: the live rows of each prompt, filled up by the first of them. */
function select({ cache, slots, width }: Kept, isLive: readonly boolean[]): Kept {
  const live = Array.from({ length: slots.length / width }, (_, p) =>
    Array.from({ length: width }, (_, r) => r).filter((r) => isLive[p * width + r]),
  );
  const prompts = live.flatMap((rows, p) => (rows.length > 0 ? [p] : []));
  if (prompts.length === 0) return { cache, slots, width };
  const narrow = Math.max(...live.map((rows) => rows.length));
  const rows = prompts.map((p) =>
    Array.from({ length: narrow }, (_, r) => live[p]![r] ?? live[p]![0]!),
  );
  cache.select(prompts, rows);
  const kept = prompts.flatMap((p, i) => rows[i]!.map((r) => slots[p * width + r]!));
  return { cache, slots: kept, width: narrow };
}

function requirePrompts({ cache, slots, width }: Kept): void {
  const size = perToken * promptLength;
  const prompts = slots.flatMap(({ prompt }, slot) => (slot % width === 0 ? [prompt] : []));
  const expected = prompts.flatMap((prompt) => [
    ...numbered(size * (prompt + 1), 0).subarray(prompt * size),
  ]);
  for (const values of Object.values(cache.promptValues)) expect([...values]).toEqual(expected);
}

/** [slots, K, T, d], with zeros where nothing was appended. */
function requireTokens({ cache, slots }: Kept): void {
  const { capacity } = cache;
  const expected = new Float32Array(slots.length * perToken * capacity);
  slots.forEach(({ tokens }, slot) => {
    tokens.forEach((token, t) => {
      const values = numbered(perToken, token);
      for (let head = 0; head < text.kvHeads; head++) {
        const part = values.subarray(head * text.headDim, (head + 1) * text.headDim);
        expected.set(part, ((slot * text.kvHeads + head) * capacity + t) * text.headDim);
      }
    });
  });
  for (const values of Object.values(cache.cachedValues)) expect(values).toEqual(expected);
}

it('holds what each row has seen while it grows and rows come to an end', () => {
  const shape = fc.record({
    prompts: fc.integer({ min: 1, max: 4 }),
    rows: fc.integer({ min: 1, max: 4 }),
  });
  const steps = fc.array(
    fc.record({
      tokens: fc.integer({ min: 1, max: 30 }),
      isLive: fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }),
    }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(shape, steps, ({ prompts, rows }, steps) => {
      let kept = openCache(prompts, rows);
      for (const { tokens, isLive } of steps) {
        for (let t = 0; t < tokens; t++) kept = append(kept);
        kept = select(kept, isLive);
        requirePrompts(kept);
        requireTokens(kept);
      }
    }),
  );
});
