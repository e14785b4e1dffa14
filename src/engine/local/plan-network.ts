/** Which network a model gets, and how many tokens at once: by size, memory and processor. */
import { availableParallelism, totalmem } from 'node:os';
import { type LocalEngineConfig, memoryBytes } from '../../config/engine-config.ts';
import { fail } from '../../core/errors.ts';
import { fromHome } from '../../core/files.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { AdapterConfig } from '../../model/files/adapter-config.ts';
import { headName } from '../../model/parameter-names.ts';
import { type ParameterSpec, parameterSpecs } from '../../model/parameters.ts';
import type { Device } from '../../tensor/device.ts';
import { exactLeftBits } from '../../tensor/left-bits.ts';
import type { PassLimits } from './local-policy.ts';
import {
  everyParameter,
  type LayeredNetworkOptions,
  type NetworkOptions,
  noParameter,
} from './open-network.ts';
import { type AdapterSettings, adaptedLayers, linearLayers, scaleOf } from './weights/adapter.ts';
import { targetsOf } from './weights/adapter-file.ts';
import type { BaseFormat } from './weights/base.ts';

/** Whether a command trains the model or only has it answer. The seed is of what training adds to it. */
export type Use = { readonly kind: 'train'; readonly seed: number } | { readonly kind: 'answer' };

export type Machine = {
  /** What this process may use. */
  readonly memoryBytes: number;
  /** Whether the processor multiplies 8-bit integers exactly; asked only where it matters. */
  readonly multipliesIntegers: () => Promise<boolean>;
  /** Cores that this process may use. */
  readonly cores: number;
};

export const thisMachine: Machine = {
  get memoryBytes() {
    const limit = process.constrainedMemory();
    return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  },
  multipliesIntegers: async () => (await exactLeftBits()) !== undefined,
  cores: availableParallelism(),
};

export type NetworkPlan = {
  readonly network: NetworkOptions;
  readonly limits: Partial<PassLimits>;
  readonly device: Device;
  /** Threads that compute at most; one for each core where it is left out. */
  readonly threads?: number;
  /** See `ModelDescription` of engine.ts. */
  readonly setup: string;
  /** What the process is expected to stay within; of a layered network, which uses what it is given, the budget. */
  readonly peakBytes: number;
};

/** Larger passes than this are no faster. */
const usualBatchTokens = 2048;
/** A prompt with an image and an answer; with less, nothing can be trained. */
const leastBatchTokens = 512;
/** Below this many weights, 32 bits fit anywhere and nothing is gained by fewer. */
const smallModel = 3e8;
/**
 * Of the budget, for what allocators hold beside what is in use. A 2B model that was to keep all that 8 GiB left
 * took 8.6 GiB.
 */
const allocatorShare = 0.1;
/** Node, ONNX Runtime, tokenizer, data and prompts. */
const processBytes = 500 * 2 ** 20;

/**
 * The first of the possible networks whose expected peak is within the budget: with more memory more tokens
 * go through at once, and a layered network keeps more of its forward pass.
 *
 * @param opened the adapter that is put on the model, and trained further
 * @throws MedixError 'engine' where none fits, with what each would need; where other settings are asked for
 *   than the opened adapter has; where more threads are asked for than there are cores
 */
export async function planNetwork(
  config: LocalEngineConfig,
  model: ModelConfig,
  use: Use,
  machine: Machine,
  opened?: AdapterConfig,
): Promise<NetworkPlan> {
  const threads = threadsOf(config, machine);
  const asked = ('lora' in config ? config.lora : null) ?? undefined;
  const adapter = adapterOf(asked, opened, use, parameterSpecs(model));
  const isAdapted = (opened ?? asked) !== undefined;
  const budget = memoryBytes(config.memory) ?? 0.75 * machine.memoryBytes;
  const sizes = sizesOf(model, asked, opened, use);
  const needs: string[] = [];
  for (const format of await formatsOf(config, sizes, use, isAdapted, machine)) {
    const cost =
      format === 'f32' && !isAdapted
        ? wholeCost(model, sizes, use)
        : layeredCost(model, sizes, format, use);
    const least = cost.fixed + leastBatchTokens * cost.perToken;
    if (least > budget) needs.push(`${gibibytes(least)} in ${format}`);
    else if (cost.kind === 'whole') return { ...wholePlan(cost, budget, config, use), ...threads };
    else return { ...layeredPlan(cost, budget, config, format, use, adapter), ...threads };
  }
  const isGuess = config.memory === 'auto' ? ', three quarters of what this process may use' : '';
  return fail('engine', {
    where: 'engine.memory',
    expected: `room to ${use.kind === 'train' ? 'train' : 'run'} ${(sizes.parameters / 1e9).toFixed(1)} billion weights: ${needs.join(', ')}`,
    got: `${gibibytes(budget)}${isGuess}`,
    next: adviceOf(config, isAdapted, use),
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

function wholePlan(
  { fixed, perToken }: WholeCost,
  budget: number,
  { device }: LocalEngineConfig,
  use: Use,
): NetworkPlan {
  const maxBatchTokens = batchTokens(budget - fixed, perToken);
  const isTrained = use.kind === 'train';
  const peakBytes = fixed + maxBatchTokens * perToken;
  return {
    network: { kind: 'whole', trained: isTrained ? everyParameter : noParameter },
    limits: { maxBatchTokens, maxPrefillTokens: 4 * maxBatchTokens },
    device,
    setup: setupOf(
      [isTrained ? 'all trained, in f32' : 'in f32'],
      device,
      maxBatchTokens,
      peakBytes,
    ),
    peakBytes,
  };
}

function layeredPlan(
  { fixed, perToken, perPromptToken, perCachedToken, adapterSize }: LayeredCost,
  budget: number,
  config: LocalEngineConfig,
  base: BaseFormat,
  use: Use,
  adapter: LayeredNetworkOptions['adapter'],
): NetworkPlan {
  const room = budget - fixed;
  const maxBatchTokens = batchTokens(room, perToken);
  // Sampling and updating take turns, so each may fill the room.
  const maxPrefillTokens = 2 * batchTokens(room / 4, perPromptToken);
  const spare = room - maxBatchTokens * perToken - allocatorShare * budget;
  const cacheRoom = room - maxPrefillTokens * perPromptToken;
  const count = adapterSize.toLocaleString('en');
  const factors =
    adapterSize > 0 ? [`${count} in factors${use.kind === 'train' ? ' trained' : ''}`] : [];
  return {
    network: {
      kind: 'layered',
      base,
      adapter,
      cache: fromHome(config.cache),
      keptBytes: use.kind === 'train' ? Math.max(0, spare) : 0,
    },
    limits: {
      maxBatchTokens,
      maxPrefillTokens,
      maxCacheTokens: Math.floor(cacheRoom / perCachedToken),
    },
    device: config.device,
    setup: setupOf([`frozen in ${base}`, ...factors], config.device, maxBatchTokens, budget),
    peakBytes: budget,
  };
}

function setupOf(
  weights: readonly string[],
  device: Device,
  maxBatchTokens: number,
  peakBytes: number,
): string {
  const tokens = `up to ${maxBatchTokens.toLocaleString('en')} tokens at once`;
  const card = device === 'cpu' ? [] : [`computed by ${device} (experimental)`];
  return [...weights, ...card, tokens, `planned for ${gibibytes(peakBytes)}`].join(', ');
}

function batchTokens(room: number, perToken: number): number {
  return Math.min(usualBatchTokens, Math.floor(room / perToken));
}

function adviceOf(config: LocalEngineConfig, isAdapted: boolean, use: Use): string {
  if (use.kind === 'train' && !isAdapted) {
    return 'give engine.lora={} to train small factors beside frozen weights, or use a smaller model';
  }
  if (config.base === 'auto' || config.base === 'int8' || config.device !== 'cpu') {
    return 'raise engine.memory where the machine has more, or use a smaller model';
  }
  return 'use engine.base=int8, or raise engine.memory where the machine has more';
}

function threadsOf({ threads }: LocalEngineConfig, { cores }: Machine): { threads?: number } {
  if (threads === 'auto') return {};
  if (threads <= cores) return { threads };
  return fail('engine', {
    where: 'engine.threads',
    expected: `at most ${cores}, the number of cores that this process may use`,
    got: String(threads),
    next: 'give fewer threads, or "auto"',
  });
}

/** In the order of preference. */
async function formatsOf(
  { base, device }: LocalEngineConfig,
  { parameters }: Sizes,
  use: Use,
  isAdapted: boolean,
  machine: Machine,
): Promise<readonly BaseFormat[]> {
  if (base !== 'auto') return [base];
  if (use.kind === 'train' && !isAdapted) return ['f32'];
  if (parameters < smallModel) return ['f32'];
  const exact: readonly BaseFormat[] = ['f32', 'f16'];
  if (device !== 'cpu' || !(await machine.multipliesIntegers())) return exact;
  // Answers are measured, so they come from the weights as they are where those fit; training takes what is fastest.
  return use.kind === 'train' ? ['int8', ...exact] : [...exact, 'int8'];
}

function layersOf(
  settings: AdapterSettings | undefined,
  specs: readonly ParameterSpec[],
): readonly string[] {
  return settings === undefined ? [] : adaptedLayers(settings, specs).map(({ layer }) => layer);
}

/** An opened one is there whether it is trained or answers; a new one only to be trained. */
function adapterOf(
  asked: AdapterSettings | undefined,
  opened: AdapterConfig | undefined,
  use: Use,
  specs: readonly ParameterSpec[],
): LayeredNetworkOptions['adapter'] {
  if (asked !== undefined && opened !== undefined) requireSameSettings(asked, opened, specs);
  if (opened !== undefined) {
    const rate = dropoutOf(asked, opened, use);
    const dropout = use.kind === 'train' && rate > 0 ? { rate, seed: use.seed } : undefined;
    return { opened, dropout };
  }
  return asked && use.kind === 'train' ? { settings: asked, seed: use.seed } : undefined;
}

/** That of the settings, else the one with which an opened adapter was trained before. */
function dropoutOf(
  asked: AdapterSettings | undefined,
  opened: AdapterConfig | undefined,
  use: Use,
): number {
  return use.kind === 'train' ? ((asked ?? opened)?.dropout ?? 0) : 0;
}

/** An adapter that is trained further keeps its rank and its layers. */
function requireSameSettings(
  asked: AdapterSettings,
  opened: AdapterConfig,
  specs: readonly ParameterSpec[],
): void {
  const layers = layersOf(asked, specs);
  const found = new Set(opened.layers);
  const isSame =
    asked.rank === opened.rank &&
    scaleOf(asked) === scaleOf(opened) &&
    layers.length === found.size &&
    layers.every((layer) => found.has(layer));
  if (isSame) return;
  const settings = `rank=${opened.rank}, alpha=${opened.alpha}, rankStabilized=${opened.rankStabilized}`;
  const targets = JSON.stringify(targetsOf(opened.layers, specs));
  fail('engine', {
    where: 'engine.lora',
    expected: `the settings of the adapter ${opened.folder}: ${settings}, targets=${targets}`,
    got: `rank=${asked.rank}, alpha=${asked.alpha}, rankStabilized=${asked.rankStabilized}, which gives factors to ${layers.length} layers`,
    next: 'leave engine.lora out, or give it these settings',
  });
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

function sizesOf(
  model: ModelConfig,
  asked: AdapterSettings | undefined,
  opened: AdapterConfig | undefined,
  use: Use,
): Sizes {
  const specs = parameterSpecs(model);
  const count = (some: readonly ParameterSpec[]) =>
    some.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const table = model.text.vocabSize * model.text.hiddenSize;
  const head = `${headName(model.text)}.weight`;
  const layers = new Set(opened?.layers ?? layersOf(asked, specs));
  const adapted = linearLayers(specs).filter(({ layer }) => layers.has(layer));
  const rank = (opened ?? asked)?.rank ?? 0;
  return {
    parameters: count(specs),
    matrices: count(specs.filter(({ name, isLinear }) => isLinear || name === head)),
    table,
    adapter: adapted.reduce(
      (sum, { shape: [rows = 0, columns = 0] }) => sum + rank * (rows + columns),
      0,
    ),
    masks:
      dropoutOf(asked, opened, use) > 0
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
    // The head is widened to float32 while it computes, in the forward and in the backward pass.
    f16: 2 * parameters + 2 * 4 * table,
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
