/** Which network a model gets, and how many tokens at once: by size, memory and processor. */
import { homedir, totalmem } from 'node:os';
import { type LocalEngineConfig, memoryBytes } from '../../config/engine-config.ts';
import { fail } from '../../core/errors.ts';
import type { ModelConfig } from '../../model/config.ts';
import { headName } from '../../model/decoder/decoder-graph.ts';
import { type ParameterSpec, parameterSpecs } from '../../model/parameters.ts';
import type { PassLimits } from './local-policy.ts';
import { everyParameter, type NetworkOptions, noParameter } from './open-network.ts';
import { type AdapterSettings, adaptedLayers } from './weights/adapter.ts';
import type { BaseFormat } from './weights/base.ts';
import { multipliesIntegersExactly } from './weights/integer-self-test.ts';

/** Whether a command trains the model or only has it answer. The seed is of what training adds to it. */
export type Use = { readonly kind: 'train'; readonly seed: number } | { readonly kind: 'answer' };

export type Machine = {
  /** What this process may use. */
  readonly memoryBytes: number;
  /** Whether the processor multiplies 8-bit integers exactly; asked only where it matters. */
  readonly multipliesIntegers: () => Promise<boolean>;
};

export const thisMachine: Machine = {
  get memoryBytes() {
    const limit = process.constrainedMemory();
    return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  },
  multipliesIntegers: multipliesIntegersExactly,
};

export type NetworkPlan = {
  readonly network: NetworkOptions;
  readonly limits: Partial<PassLimits>;
  /** See `ModelDescription` of engine.ts. */
  readonly setup: string;
  /** Expected peak of the process. */
  readonly peakBytes: number;
};

/** Larger passes than this are no faster. */
const usualBatchTokens = 2048;
/** A prompt with an image and an answer; with less, nothing can be trained. */
const leastBatchTokens = 512;
/** Below this many weights, 32 bits fit anywhere and nothing is gained by fewer. */
const smallModel = 3e8;
/** Node, ONNX Runtime, tokenizer, data and prompts. */
const processBytes = 500 * 2 ** 20;

/**
 * The first of the possible networks whose expected peak is within the budget: with more memory more tokens
 * go through at once, and a layered network keeps more of its forward pass.
 *
 * @throws MedixError 'engine' where none fits, with what each would need
 */
export async function planNetwork(
  config: LocalEngineConfig,
  model: ModelConfig,
  use: Use,
  machine: Machine,
): Promise<NetworkPlan> {
  const lora = ('lora' in config ? config.lora : null) ?? undefined;
  const budget = memoryBytes(config.memory) ?? 0.75 * machine.memoryBytes;
  const sizes = sizesOf(model, lora);
  const needs: string[] = [];
  for (const format of await formatsOf(config, sizes, use, lora, machine)) {
    const cost =
      format === 'f32' && lora === undefined
        ? wholeCost(model, sizes, use)
        : layeredCost(model, sizes, format, use);
    const least = cost.fixed + leastBatchTokens * cost.perToken;
    if (least > budget) needs.push(`${gibibytes(least)} in ${format}`);
    else if (cost.kind === 'whole') return wholePlan(cost, budget, use);
    else return layeredPlan(cost, budget, config, format, use, lora);
  }
  const isGuess = config.memory === 'auto' ? ', three quarters of what this process may use' : '';
  return fail('engine', {
    where: 'engine.memory',
    expected: `room to ${use.kind === 'train' ? 'train' : 'run'} ${(sizes.parameters / 1e9).toFixed(1)} billion weights: ${needs.join(', ')}`,
    got: `${gibibytes(budget)}${isGuess}`,
    next: adviceOf(config, lora, use),
  });
}

/** Bytes: of the weights and what belongs to them, and of each token of a scoring or update pass. */
type WholeCost = { readonly kind: 'whole'; readonly fixed: number; readonly perToken: number };
type LayeredCost = {
  readonly kind: 'layered';
  readonly fixed: number;
  readonly perToken: number;
  /** Of each token of a prompt that is read for sampling, and of its keys and values. */
  readonly perPromptToken: number;
  readonly perCachedToken: number;
  /** Elements of the factors. */
  readonly adapterSize: number;
};

function wholePlan({ fixed, perToken }: WholeCost, budget: number, use: Use): NetworkPlan {
  const maxBatchTokens = batchTokens(budget - fixed, perToken);
  const isTrained = use.kind === 'train';
  const peakBytes = fixed + maxBatchTokens * perToken;
  return {
    network: { kind: 'whole', trained: isTrained ? everyParameter : noParameter },
    limits: { maxBatchTokens, maxPrefillTokens: 4 * maxBatchTokens },
    setup: setupOf([isTrained ? 'all trained, in f32' : 'in f32'], maxBatchTokens, peakBytes),
    peakBytes,
  };
}

function layeredPlan(
  { fixed, perToken, perPromptToken, perCachedToken, adapterSize }: LayeredCost,
  budget: number,
  config: LocalEngineConfig,
  base: BaseFormat,
  use: Use,
  lora: AdapterSettings | undefined,
): NetworkPlan {
  const room = budget - fixed;
  const maxBatchTokens = batchTokens(room, perToken);
  // Sampling and updating take turns, so each may fill the room.
  const maxPrefillTokens = 2 * batchTokens(room / 4, perPromptToken);
  const cacheRoom = room - maxPrefillTokens * perPromptToken;
  const factors =
    lora && use.kind === 'train'
      ? [`${adapterSize.toLocaleString('en')} in factors of rank ${lora.rank} trained`]
      : [];
  return {
    network: {
      kind: 'layered',
      base,
      adapter: lora && use.kind === 'train' ? { settings: lora, seed: use.seed } : undefined,
      cache: config.cache.replace(/^~(?=\/|$)/, homedir()),
      keptBytes: use.kind === 'train' ? room - maxBatchTokens * perToken : 0,
    },
    limits: {
      maxBatchTokens,
      maxPrefillTokens,
      maxCacheTokens: Math.floor(cacheRoom / perCachedToken),
    },
    setup: setupOf([`frozen in ${base}`, ...factors], maxBatchTokens, budget),
    peakBytes: budget,
  };
}

function setupOf(weights: readonly string[], maxBatchTokens: number, peakBytes: number): string {
  const tokens = `up to ${maxBatchTokens.toLocaleString('en')} tokens at once`;
  return [...weights, tokens, `within ${gibibytes(peakBytes)}`].join(', ');
}

function batchTokens(room: number, perToken: number): number {
  return Math.min(usualBatchTokens, Math.floor(room / perToken));
}

function adviceOf(config: LocalEngineConfig, lora: AdapterSettings | undefined, use: Use): string {
  if (use.kind === 'train' && lora === undefined) {
    return 'give engine.lora={} to train small factors beside frozen weights, or use a smaller model';
  }
  if (config.base === 'auto' || config.base === 'int8') {
    return 'raise engine.memory where the machine has more, or use a smaller model';
  }
  return 'use engine.base=int8, or raise engine.memory where the machine has more';
}

/** In the order of preference. */
async function formatsOf(
  { base }: LocalEngineConfig,
  { parameters }: Sizes,
  use: Use,
  lora: AdapterSettings | undefined,
  machine: Machine,
): Promise<readonly BaseFormat[]> {
  if (base !== 'auto') return [base];
  if (use.kind === 'train' && lora === undefined) return ['f32'];
  if (parameters < smallModel) return ['f32'];
  const exact: readonly BaseFormat[] = ['f32', 'f16'];
  if (!(await machine.multipliesIntegers())) return exact;
  // Answers are measured, so they come from the weights as they are where those fit; training takes what is fastest.
  return use.kind === 'train' ? ['int8', ...exact] : [...exact, 'int8'];
}

type Sizes = {
  readonly parameters: number;
  /** Elements of matrices, which a base may keep in fewer bits, without the token table. */
  readonly matrices: number;
  readonly table: number;
  readonly adapter: number;
  /** Elements of the dropout masks of one token and layer. */
  readonly masks: number;
};

function sizesOf(model: ModelConfig, lora: AdapterSettings | undefined): Sizes {
  const specs = parameterSpecs(model);
  const count = (some: readonly ParameterSpec[]) =>
    some.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const table = model.text.vocabSize * model.text.hiddenSize;
  const head = `${headName(model.text)}.weight`;
  const adapted = lora === undefined ? [] : adaptedLayers(lora, specs);
  return {
    parameters: count(specs),
    matrices: count(specs.filter(({ name, isLinear }) => isLinear || name === head)),
    table,
    adapter: adapted.reduce(
      (sum, { shape: [rows = 0, columns = 0] }) => sum + (lora?.rank ?? 0) * (rows + columns),
      0,
    ),
    masks: lora?.dropout
      ? adapted.reduce((sum, { shape }) => sum + shape[1]!, 0) / model.text.layers
      : 0,
  };
}

/** Weights, and to train them gradient, two moments and the reference; logprobs of every token. */
function wholeCost({ text }: ModelConfig, { parameters }: Sizes, use: Use): WholeCost {
  const { hiddenSize, intermediateSize, heads, headDim, layers, vocabSize } = text;
  const perLayer = 8 * hiddenSize + 4 * heads * headDim + 4 * intermediateSize;
  return {
    kind: 'whole',
    fixed: processBytes + 4 * parameters * (use.kind === 'train' ? 5 : 1),
    perToken: 4 * (layers * perLayer + 3 * vocabSize),
  };
}

function layeredCost(
  { text }: ModelConfig,
  { parameters, matrices, table, adapter, masks }: Sizes,
  format: BaseFormat,
  use: Use,
): LayeredCost {
  const { hiddenSize, intermediateSize, heads, headDim, layers, kvHeads } = text;
  const frozen = {
    f32: 4 * parameters,
    f16: 2 * parameters,
    // Of both orientations in the file, answering reads one; rows of the token table come from the checkpoint.
    int8:
      (use.kind === 'train' ? 2 : 1) * matrices + 4 * Math.max(0, parameters - matrices - table),
  }[format];
  const mixed = heads * headDim;
  // One layer's passes, with attention weights over a prompt with an image and an answer.
  const layer = 12 * hiddenSize + 8 * intermediateSize + 8 * mixed + 3 * heads * leastBatchTokens;
  return {
    kind: 'layered',
    fixed: processBytes + frozen + 4 * 5 * adapter,
    // The residual stream and what attention mixed, at each layer; masks as they are fed and as they are chosen.
    perToken: 4 * ((layers + 1) * (hiddenSize + mixed) + layer + 2 * masks),
    perPromptToken: 4 * (4 * hiddenSize + layer),
    perCachedToken: 4 * 2 * layers * kvHeads * headDim,
    adapterSize: adapter,
  };
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
