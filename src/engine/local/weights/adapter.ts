/**
 * LoRA (arXiv 2106.09685): to a frozen linear layer x·Wᵀ is added scale · (x·Aᵀ)·Bᵀ with A [rank, in] and
 * B [out, rank]. B starts at zero, so training starts from the model as it is.
 */
import { fail } from '../../../core/errors.ts';
import { rngFromKey } from '../../../core/rng.ts';
import type { ParameterSpec, TensorSpec } from '../../../model/parameters.ts';
import type { Node } from '../../../tensor/node.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Dropout } from './dropout.ts';
import { createParameterBuffer, type ParameterBuffer } from './parameter-buffer.ts';

export type AdapterSettings = {
  readonly rank: number;
  readonly alpha: number;
  /** alpha / √rank in place of alpha / rank (rsLoRA, arXiv 2312.03732). */
  readonly rankStabilized: boolean;
  /**
   * Names of layers as `peft` reads them: a list of endings (`q_proj`), or one regular expression for
   * whole names.
   */
  readonly targets: readonly string[] | string;
  /** Probability, below 1, that a number that goes into A is 0 while it is trained. @default 0 */
  readonly dropout?: number;
};

export type Adapter = {
  readonly settings: AdapterSettings;
  /** Names of the adapted layers, without `.weight`, in the model's order. */
  readonly layers: readonly string[];
  /** A and B of each, by {@link factorNames}. */
  readonly parameters: ParameterBuffer;
  readonly dropout: Dropout | undefined;
  readonly policy: Factors;
  /** As the run started: without effect where the adapter is new, else as it was opened. */
  readonly reference: Factors;
};

/** A and B of each layer by name, and what their product is multiplied by; with 0 the base is alone. */
export type Factors = {
  readonly views: Readonly<Record<string, Float32Array>>;
  readonly scale: number;
};

export const noFactors: Factors = { views: {}, scale: 0 };

type AdaptedLayer = { readonly layer: string; readonly shape: readonly number[] };

/** Names of A and B of a layer, as `peft` has them behind its own prefix. */
export function factorNames(layer: string): { readonly down: string; readonly up: string } {
  return { down: `${layer}.lora_A.weight`, up: `${layer}.lora_B.weight` };
}

/**
 * A new adapter. A is drawn uniformly from ±1/√in, as `peft` does.
 *
 * @throws MedixError 'engine' where no layer matches, or a layer is narrower than the rank.
 */
export function createAdapter(
  settings: AdapterSettings,
  specs: readonly ParameterSpec[],
  seed: number,
): Adapter {
  const { dropout: rate = 0 } = settings;
  const adapted = adaptedLayers(settings, specs);
  const parameters = createParameterBuffer(factorSpecs(adapted, settings.rank));
  for (const { layer, shape } of adapted) {
    const { down } = factorNames(layer);
    const rng = rngFromKey(`${seed}/adapter/${layer}`);
    const bound = 1 / Math.sqrt(shape[1]!);
    const values = parameters.views[down]!;
    for (let i = 0; i < values.length; i++) values[i] = bound * (2 * rng.next() - 1);
  }
  const { views } = parameters;
  return {
    settings,
    layers: adapted.map(({ layer }) => layer),
    parameters,
    dropout: rate > 0 ? { rate, seed } : undefined,
    policy: { views, scale: scaleOf(settings) },
    reference: { views, scale: 0 },
  };
}

/** What the product of A and B is multiplied by. */
export function scaleOf({ rank, alpha, rankStabilized }: Omit<AdapterSettings, 'targets'>): number {
  return alpha / (rankStabilized ? Math.sqrt(rank) : rank);
}

/** A and B of layers with weights [out, in]. */
export function factorSpecs(layers: readonly AdaptedLayer[], rank: number): TensorSpec[] {
  return layers.flatMap(({ layer, shape }) => {
    const { down, up } = factorNames(layer);
    const [rows, columns] = shape as readonly [number, number];
    return [
      { name: down, shape: [rank, columns] },
      { name: up, shape: [rows, rank] },
    ];
  });
}

/**
 * The linear layers that settings name, and the shapes of their weights.
 * @throws MedixError 'engine' where no layer matches, or a layer is narrower than the rank.
 */
export function adaptedLayers(
  settings: AdapterSettings,
  specs: readonly ParameterSpec[],
): readonly AdaptedLayer[] {
  const adapted = linearLayers(specs).filter(({ layer }) => matches(layer, settings.targets));
  requireLayers(adapted, settings, specs);
  return adapted;
}

/** Every layer that an adapter may have factors for. */
export function linearLayers(specs: readonly ParameterSpec[]): readonly AdaptedLayer[] {
  return specs
    .filter(({ isLinear }) => isLinear)
    .map(({ name, shape }) => ({ layer: name.replace(/\.weight$/, ''), shape }));
}

/** What an adapter adds to a layer's result, given x and the layer's factors; `scale` [1] is fed. */
export function adapterTerm(x: Node, down: Node, up: Node, scale: Node): Node {
  return ops.linear(ops.multiply(ops.linear(x, down), scale), up);
}

/** As `peft`: an ending after a dot, or a regular expression for the whole name. */
function matches(layer: string, targets: AdapterSettings['targets']): boolean {
  if (typeof targets === 'string') return new RegExp(`^(?:${targets})$`).test(layer);
  return targets.some((target) => layer === target || layer.endsWith(`.${target}`));
}

function requireLayers(
  adapted: readonly AdaptedLayer[],
  { rank, targets }: AdapterSettings,
  specs: readonly ParameterSpec[],
): void {
  if (adapted.length === 0) {
    const endings = linearLayers(specs).map(({ layer }) => layer.replace(/^.*\./, ''));
    fail('engine', {
      where: 'engine.lora.targets',
      expected: `linear layers of this model, e.g. ${[...new Set(endings)].join(', ')}`,
      got: `${JSON.stringify(targets)}, which matches none`,
      next: 'name endings of layers, or a regular expression for whole names',
    });
  }
  const narrow = adapted.find(({ shape }) => Math.min(...shape) < rank);
  if (narrow === undefined) return;
  fail('engine', {
    where: 'engine.lora.rank',
    expected: `at most ${Math.min(...narrow.shape)}, the width of ${narrow.layer}`,
    got: `${rank}`,
    next: 'lower the rank, or leave that layer out of engine.lora.targets',
  });
}
