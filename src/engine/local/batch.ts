/**
 * Sequences to the arrays that the graphs take. Sequences with the same prompt object form a branch
 * group: its prompt appears once, followed by its completions (attention.ts keeps them apart).
 */
import type { ModelConfig } from '../../model/config.ts';
import { masked } from '../../model/decoder/attention.ts';
import { promptPositions, ropeTables, type TextPositions } from '../../model/decoder/positions.ts';
import type { Prompt } from '../../model/prompt.ts';
import type { Bindings } from '../../tensor/dim.ts';
import type { Values } from '../../tensor/program.ts';
import type { Sequence } from '../engine.ts';

/** One prompt and the completions that branch from it. */
export type Branches = {
  readonly prompt: Prompt;
  /** Positions of the sequences in the caller's list. */
  readonly indices: readonly number[];
  readonly completions: readonly Int32Array[];
};

/** Groups by prompt object in order of first appearance; `shared` false gives each sequence its own. */
export function branchGroups(sequences: readonly Sequence[], shared: boolean): Branches[] {
  const groups = new Map<
    unknown,
    { prompt: Prompt; indices: number[]; completions: Int32Array[] }
  >();
  sequences.forEach(({ prompt, completion }, index) => {
    const key = shared ? prompt : index;
    let group = groups.get(key);
    if (group === undefined) {
      group = { prompt, indices: [], completions: [] };
      groups.set(key, group);
    }
    group.indices.push(index);
    group.completions.push(completion);
  });
  return [...groups.values()];
}

/**
 * Cuts groups into micro-batches of at most `maxTokens` padded tokens (a single prompt with a single
 * completion may exceed it). Groups of similar size meet, so that padding stays small.
 */
export function microBatches(groups: readonly Branches[], maxTokens: number): Branches[][] {
  const pieces = groups.flatMap((group) => splitGroup(group, maxTokens));
  const branchTokens = (group: Branches) => group.completions.length * longest(group.completions);
  const sorted = pieces.toSorted(
    (a, b) => branchTokens(b) - branchTokens(a) || b.prompt.tokens.length - a.prompt.tokens.length,
  );
  const batches: Branches[][] = [];
  let current: Branches[] = [];
  for (const piece of sorted) {
    if (current.length > 0 && paddedTokens([...current, piece]) > maxTokens) {
      batches.push(current);
      current = [];
    }
    current.push(piece);
  }
  if (current.length > 0) batches.push(current);
  return batches;
}

function splitGroup(group: Branches, maxTokens: number): Branches[] {
  const room = Math.max(0, maxTokens - group.prompt.tokens.length);
  const perPiece = Math.max(1, Math.floor(room / Math.max(1, longest(group.completions))));
  const pieces: Branches[] = [];
  for (let start = 0; start < group.indices.length; start += perPiece) {
    pieces.push({
      prompt: group.prompt,
      indices: group.indices.slice(start, start + perPiece),
      completions: group.completions.slice(start, start + perPiece),
    });
  }
  return pieces;
}

function paddedTokens(groups: readonly Branches[]): number {
  const { P, S, G, C } = groupBindings(groups);
  return P * (S + G * C);
}

function groupBindings(groups: readonly Branches[]) {
  return {
    P: groups.length,
    S: Math.max(...groups.map(({ prompt }) => prompt.tokens.length)),
    G: Math.max(...groups.map(({ completions }) => completions.length)),
    // The last token of a completion predicts nothing, so it is never fed.
    C: Math.max(1, ...groups.map(({ completions }) => longest(completions) - 1)),
  };
}

function longest(completions: readonly Int32Array[]): number {
  return completions.reduce((length, tokens) => Math.max(length, tokens.length), 0);
}

type Batch = {
  readonly values: Values;
  readonly bindings: Bindings;
  /** Laid out [P, S] at the start of `tokens` tokens. */
  readonly prompts: readonly Prompt[];
  readonly tokens: number;
};

export type UpdateBatch = Batch & {
  /** Where the tokens stand that are no padding, ascending. */
  readonly used: Int32Array;
  /** Where each sequence's logprobs lie in the graph's result [M]. */
  readonly spans: readonly {
    readonly index: number;
    readonly start: number;
    readonly end: number;
  }[];
};

/** Inputs of the update and scoring graphs: tokens in the order [P, S] then [P, G, C]. */
export function updateBatch(groups: readonly Branches[], config: ModelConfig): UpdateBatch {
  const bindings = groupBindings(groups);
  const { P, S, G, C } = bindings;
  const layout = createLayout(P * S + P * G * C, config);
  const used: number[] = [];
  const spans: { index: number; start: number; end: number }[] = [];
  const predictors: number[] = [];
  const targets: number[] = [];
  const prompts = groups.map(({ prompt }) => prompt);
  const { prefixBias, nextPositions } = layout.placePrompts(prompts, S);
  const use = (start: number, length: number) => {
    for (let i = 0; i < length; i++) used.push(start + i);
  };
  prompts.forEach(({ tokens }, p) => {
    use(p * S, tokens.length);
  });
  groups.forEach(({ prompt, indices, completions }, p) => {
    completions.forEach((completion, g) => {
      const offset = P * S + (p * G + g) * C;
      layout.placeText(completion.subarray(0, -1), offset, nextPositions[p]!);
      use(offset, completion.length - 1);
      const start = targets.length;
      completion.forEach((token, t) => {
        predictors.push(t === 0 ? p * S + prompt.tokens.length - 1 : offset + t - 1);
        targets.push(token);
      });
      spans.push({ index: indices[g]!, start, end: targets.length });
    });
  });
  return {
    values: {
      ...layout.values(),
      prefixBias,
      promptBias: causalBias(S),
      completionBias: causalBias(C),
      predictors: Int32Array.from(predictors),
      targets: Int32Array.from(targets),
    },
    bindings: { ...bindings, M: targets.length },
    prompts,
    tokens: P * S + P * G * C,
    used: Int32Array.from(used),
    spans,
  };
}

export type PrefillBatch = Batch & { readonly nextPositions: readonly number[] };

/** Inputs of the prefill graph: tokens in the order [P, S]. */
export function prefillBatch(prompts: readonly Prompt[], config: ModelConfig): PrefillBatch {
  const P = prompts.length;
  const S = Math.max(...prompts.map(({ tokens }) => tokens.length));
  const layout = createLayout(P * S, config);
  const { prefixBias, nextPositions } = layout.placePrompts(prompts, S);
  return {
    values: {
      ...layout.values(),
      prefixBias,
      promptBias: causalBias(S),
      predictors: Int32Array.from(prompts, ({ tokens }, p) => p * S + tokens.length - 1),
    },
    bindings: { P, S, M: P },
    prompts,
    tokens: P * S,
    nextPositions,
  };
}

/** Tokens and their rotary tables, filled piece by piece; what is left unfilled is padding. */
function createLayout(size: number, config: ModelConfig) {
  const tokens = new Int32Array(size).fill(config.tokens.pad);
  const positions = new Int32Array(3 * size);
  return {
    /** Fills [P, S]; `prefixBias` [P, S] masks what lies past a prompt's end. */
    placePrompts(prompts: readonly Prompt[], S: number) {
      const prefixBias = new Float32Array(prompts.length * S);
      const nextPositions = prompts.map((prompt, p) => {
        const placed = cachedPositions(prompt, config);
        const length = prompt.tokens.length;
        tokens.set(prompt.tokens, p * S);
        for (let axis = 0; axis < 3; axis++) {
          const row = placed.positions.subarray(axis * length, (axis + 1) * length);
          positions.set(row, axis * size + p * S);
        }
        prefixBias.fill(masked, p * S + length, (p + 1) * S);
        return placed.next;
      });
      return { prefixBias, nextPositions };
    },
    placeText(text: Int32Array, offset: number, firstPosition: number): void {
      tokens.set(text, offset);
      for (let t = 0; t < text.length; t++) {
        for (let axis = 0; axis < 3; axis++) {
          positions[axis * size + offset + t] = firstPosition + t;
        }
      }
    },
    values: () => ({ tokens, ...ropeTables(positions, config.text) }),
  };
}

const positionCache = new WeakMap<Prompt, TextPositions>();

function cachedPositions(prompt: Prompt, config: ModelConfig): TextPositions {
  let positions = positionCache.get(prompt);
  if (positions === undefined) {
    positions = promptPositions(prompt, config);
    positionCache.set(prompt, positions);
  }
  return positions;
}

/** [n, n]: row i sees columns 0 … i. */
function causalBias(n: number): Float32Array {
  const bias = new Float32Array(n * n);
  for (let i = 0; i < n; i++) bias.fill(masked, i * n + i + 1, (i + 1) * n);
  return bias;
}
