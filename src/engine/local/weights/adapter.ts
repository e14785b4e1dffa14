/**
 * LoRA (arXiv 2106.09685): to a frozen linear layer x·Wᵀ is added scale · (x·Aᵀ)·Bᵀ with A [rank, in] and
 * B [out, rank]. B starts at zero, so training starts from the model as it is.
 */
import { fail } from '../../../core/errors.ts';
import { rngFromKey } from '../../../core/rng.ts';
import type { ParameterSpec } from '../../../model/parameters.ts';
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
  readonly scale: number;
};

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
  const { rank, alpha, rankStabilized, dropout: rate = 0 } = settings;
  const adapted = adaptedLayers(settings, specs);
  const parameters = createParameterBuffer(
    adapted.flatMap(({ layer, shape }) => {
      const { down, up } = factorNames(layer);
      const [rows, columns] = shape as readonly [number, number];
      return [
        { name: down, shape: [rank, columns] },
        { name: up, shape: [rows, rank] },
      ];
    }),
  );
  for (const { layer, shape } of adapted) {
    const { down } = factorNames(layer);
    const rng = rngFromKey(`${seed}/adapter/${layer}`);
    const bound = 1 / Math.sqrt(shape[1]!);
    const values = parameters.views[down]!;
    for (let i = 0; i < values.length; i++) values[i] = bound * (2 * rng.next() - 1);
  }
  return {
    settings,
    layers: adapted.map(({ layer }) => layer),
    parameters,
    dropout: rate > 0 ? { rate, seed } : undefined,
    scale: alpha / (rankStabilized ? Math.sqrt(rank) : rank),
  };
}

/**
 * The linear layers that settings name, and the shapes of their weights.
 * @throws MedixError 'engine' where no layer matches, or a layer is narrower than the rank.
 */
export function adaptedLayers(
  settings: AdapterSettings,
  specs: readonly ParameterSpec[],
): readonly { readonly layer: string; readonly shape: readonly number[] }[] {
  const adapted = specs
    .filter(({ isLinear }) => isLinear)
    .map(({ name, shape }) => ({ layer: name.replace(/\.weight$/, ''), shape }))
    .filter(({ layer }) => matches(layer, settings.targets));
  requireLayers(adapted, settings, specs);
  return adapted;
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
  adapted: readonly { readonly layer: string; readonly shape: readonly number[] }[],
  { rank, targets }: AdapterSettings,
  specs: readonly ParameterSpec[],
): void {
  if (adapted.length === 0) {
    const endings = specs
      .filter(({ isLinear }) => isLinear)
      .map(({ name }) => name.replace(/\.weight$/, '').replace(/^.*\./, ''));
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
