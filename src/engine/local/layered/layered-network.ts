/**
 * A network that runs layer by layer over a frozen base, with an adapter to train: at no time is more in
 * memory than the base, the residual stream at each layer, and what one layer needs. The backward pass runs
 * a layer's forward pass again where the memory to keep it was not granted.
 */
import { defined } from '../../../core/errors.ts';
import type { ImagePatches, Prompt } from '../../../model/prompt.ts';
import type { Bindings } from '../../../tensor/dim.ts';
import type { Compile, Values } from '../../../tensor/program.ts';
import type { Weights } from '../../engine.ts';
import type { PrefillBatch, UpdateBatch } from '../batch.ts';
import type { Basis, Cancellation, Network, StepBatch, TargetLoss } from '../network.ts';
import type { KeyValueCache } from '../sampling/key-value-cache.ts';
import { imagesOf, imageTokens, placeImages } from '../vision-batch.ts';
import { type Adapter, type Factors, noFactors } from '../weights/adapter.ts';
import type { Base } from '../weights/base.ts';
import { type Drawing, drawingOf } from '../weights/dropout.ts';
import { createParameterBuffer, type ParameterBuffer } from '../weights/parameter-buffer.ts';
import { AttentionPrograms } from './attention-programs.ts';
import { DecoderStages } from './decoder-stages.ts';
import { Head } from './head.ts';
import { Slots } from './slots.ts';
import { deepstackLevels, type StageInputs } from './stage.ts';
import { VisionTower } from './vision-tower.ts';

type Buffers = Readonly<Record<string, Float32Array>>;

/** Attention over what a stage has projected, into the buffer `mixed`. */
type Mix = (layer: number, projected: Buffers, mixed: Float32Array) => Promise<void>;

/** The images of a batch among its tokens. */
type Placement = {
  readonly images: readonly ImagePatches[];
  /** First row of each image. */
  readonly starts: readonly number[];
  /** [N] as `placeImages` gives it. */
  readonly imageRow: Int32Array;
  /** Rows of all images [F, D]: embeddings, then those added after layer 0, 1, … */
  readonly levels: readonly Float32Array[];
};

/** What the backward pass of a stage starts from. */
type Mark = {
  readonly inputs: StageInputs;
  /** What the forward pass gave, where it is kept. */
  readonly kept: Buffers | undefined;
};

type Feeds = { readonly values: Values; readonly bindings: Bindings };

/** One pass of one batch. */
type Pass = {
  readonly values: Values;
  readonly placement: Placement;
  readonly factors: Factors;
  /** Undefined but for training. */
  readonly drawing: Drawing | undefined;
  readonly signal: Cancellation;
};

export type LayeredOptions = {
  /** Bytes of a forward pass that may be kept for the backward pass instead of being computed again. */
  readonly keptBytes: number;
  readonly compile: Compile;
  readonly exportModel: (folder: string) => Promise<void>;
};

export class LayeredNetwork implements Network {
  readonly basis: Basis | undefined;
  readonly trained: ParameterBuffer;
  readonly parameters: number;
  readonly #base: Base;
  readonly #adapter: Adapter | undefined;
  readonly #options: LayeredOptions;
  readonly #stages: DecoderStages;
  readonly #attention: AttentionPrograms;
  readonly #head: Head;
  /** Undefined for models that read text alone. */
  readonly #vision: VisionTower | undefined;
  readonly #slots = new Slots();
  /** D, and the width of what attention gives. */
  readonly #width: number;
  readonly #mixedWidth: number;

  constructor(base: Base, adapter: Adapter | undefined, options: LayeredOptions) {
    const { text, vision } = base.config;
    this.#base = base;
    this.#adapter = adapter;
    this.#options = options;
    this.basis = adapter && {
      base: { digest: base.digest, format: base.format },
      adapter: basisOf(adapter),
    };
    this.trained = adapter?.parameters ?? createParameterBuffer([]);
    this.parameters = base.parameters;
    this.#stages = new DecoderStages(base, adapter, options.compile);
    this.#attention = new AttentionPrograms(text, options.compile);
    this.#head = new Head(base, adapter, options.compile);
    this.#vision = vision && new VisionTower(vision, base, adapter, options.compile);
    this.#width = text.hiddenSize;
    this.#mixedWidth = text.heads * text.headDim;
  }

  async prefill(
    batch: PrefillBatch,
    cache: KeyValueCache,
    signal: Cancellation,
  ): Promise<Float32Array> {
    // Nothing of an update is needed while the cache grows.
    this.#slots.clear();
    const pass = await this.#passOver(batch, 'policy', signal);
    const program = await this.#attention.prompt();
    const hidden = await this.#forward(pass, (layer, projected, mixed) =>
      program.run(
        { ...batch.values, ...projected },
        {
          mixed,
          promptKey0: cache.promptValues[`promptKey${layer}`]!,
          promptValue0: cache.promptValues[`promptValue${layer}`]!,
        },
        batch.bindings,
      ),
    );
    const rows = pickRows(hidden, batch.values['predictors'] as Int32Array, this.#width);
    return this.#head.distribution(rows, pass.factors);
  }

  async step(
    { values, bindings }: StepBatch,
    cache: KeyValueCache,
    signal: Cancellation,
  ): Promise<Float32Array> {
    const placement = this.#noImages(values['tokens']!.length);
    const drawing = undefined;
    const pass = { values, placement, factors: this.#factorsOf('policy'), drawing, signal };
    const program = await this.#attention.step();
    const hidden = await this.#forward(pass, async (layer, projected, mixed) => {
      cache.newValues[`newKey${layer}`]!.set(projected['key']!);
      cache.newValues[`newValue${layer}`]!.set(projected['value']!);
      await program.run(
        {
          ...values,
          ...projected,
          promptKey0: cache.promptValues[`promptKey${layer}`]!,
          promptValue0: cache.promptValues[`promptValue${layer}`]!,
          cachedKey0: cache.cachedValues[`cachedKey${layer}`]!,
          cachedValue0: cache.cachedValues[`cachedValue${layer}`]!,
        },
        { mixed },
        bindings,
      );
    });
    return this.#head.distribution(hidden, pass.factors);
  }

  async score(batch: UpdateBatch, weights: Weights, signal: Cancellation): Promise<Float32Array> {
    const pass = await this.#passOver(batch, weights, signal);
    const hidden = await this.#forward(pass, await this.#groupMix(batch));
    const rows = pickRows(hidden, batch.values['predictors'] as Int32Array, this.#width);
    const targets = batch.values['targets'] as Int32Array;
    const facts = await this.#head.score(rows, targets, pass.factors, undefined, signal);
    return facts.logprobs;
  }

  async accumulate(
    batch: UpdateBatch,
    loss: TargetLoss,
    gradient: ParameterBuffer,
    signal: Cancellation,
    key: string,
  ): Promise<void> {
    const drawing = drawingOf(this.#adapter?.dropout, key);
    const pass = await this.#passOver(batch, 'policy', signal, drawing);
    const { factors } = pass;
    const marks: Mark[] = [];
    const hidden = await this.#forward(pass, await this.#groupMix(batch), marks);
    const predictors = batch.values['predictors'] as Int32Array;
    const targets = batch.values['targets'] as Int32Array;
    const rows = pickRows(hidden, predictors, this.#width);
    const facts = await this.#head.score(rows, targets, factors, drawing, signal);
    const outer = await loss.gradients(facts);
    const dRows = await this.#head.backward(
      rows,
      targets,
      outer,
      factors,
      drawing,
      gradient,
      signal,
    );
    const dHidden = this.#slots.take('dHidden', hidden.length).fill(0);
    addRows(dHidden, dRows, predictors, this.#width);
    const dLevels = await this.#backward(pass, batch.bindings, marks, dHidden, gradient);
    if (this.#vision?.isTrained) await this.#visionBackward(this.#vision, pass, dLevels, gradient);
  }

  exportModel(folder: string): Promise<void> {
    return this.#options.exportModel(folder);
  }

  async close(): Promise<void> {
    const parts = [this.#stages, this.#attention, this.#head, this.#vision];
    await Promise.all(parts.map((part) => part?.dispose()));
    await this.#base.close();
  }

  async #passOver(
    { values, bindings, prompts, tokens }: PrefillBatch | UpdateBatch,
    weights: Weights,
    signal: Cancellation,
    drawing?: Drawing,
  ): Promise<Pass> {
    const factors = this.#factorsOf(weights);
    const images = imagesOf(prompts);
    const stride = bindings['S']!;
    const placement =
      images.length === 0
        ? this.#noImages(tokens)
        : await this.#place(images, prompts, stride, tokens, factors, signal, drawing);
    return { values, placement, factors, drawing, signal };
  }

  /** Without an adapter, the base alone is both. */
  #factorsOf(weights: Weights): Factors {
    return this.#adapter?.[weights] ?? noFactors;
  }

  async #place(
    images: readonly ImagePatches[],
    prompts: readonly Prompt[],
    stride: number,
    tokens: number,
    factors: Factors,
    signal: Cancellation,
    drawing: Drawing | undefined,
  ): Promise<Placement> {
    const tower = defined(this.#vision, 'the vision tower of a model that is given images');
    const starts: number[] = [];
    let rows = 0;
    for (const image of images) {
      starts.push(rows);
      rows += imageTokens(image, tower.config);
    }
    const levels = this.#levels(rows);
    for (const [i, image] of images.entries()) {
      signal.throwIfAborted();
      const features = await tower.features(image, factors, ofImage(drawing, i));
      levels.forEach((level, l) => {
        level.set(features[l]!, starts[i]! * this.#width);
      });
    }
    const imageRow = placeImages(prompts, { images, starts }, stride, tokens, tower.config);
    return { images, starts, imageRow, levels };
  }

  /** One row of zeros that no token asks for. */
  #noImages(tokens: number): Placement {
    return { images: [], starts: [], imageRow: new Int32Array(tokens), levels: this.#levels(1) };
  }

  #levels(rows: number): Float32Array[] {
    const count = 1 + deepstackLevels(this.#base.config.vision);
    return Array.from({ length: count }, () => new Float32Array(rows * this.#width));
  }

  async #groupMix({ values, bindings }: UpdateBatch): Promise<Mix> {
    const program = await this.#attention.group();
    return (_, projected, mixed) => program.run({ ...values, ...projected }, { mixed }, bindings);
  }

  /** Embeddings to the last hidden states [N, D]. @param marks is told what a backward pass needs */
  async #forward(pass: Pass, mix: Mix, marks?: Mark[]): Promise<Float32Array> {
    const tokens = pass.values['tokens'] as Int32Array;
    const last = this.#stages.count - 1;
    let room = this.#options.keptBytes;
    let inputs: StageInputs = { x: await this.#embed(tokens, pass.placement) };
    for (let index = 0; ; index++) {
      pass.signal.throwIfAborted();
      const stage = this.#stages.at(index);
      const sizes = await stage.sizes(this.#bindings(pass));
      const bytes = 4 * [...sizes.values()].reduce((total, size) => total + size, 0);
      const isKept = marks !== undefined && bytes <= room;
      if (isKept) room -= bytes;
      const slotOf = (name: string) => {
        if (name === 'next') return marks ? `x:${index}` : `x:${index % 2}`;
        return isKept ? `${name}:${index}` : name;
      };
      const names = isKept ? [...sizes.keys()] : stage.results;
      const results = Object.fromEntries(
        names.map((name) => [name, this.#slots.take(slotOf(name), sizes.get(name)!)]),
      );
      const feeds = this.#feeds(pass, index);
      await stage.forward(inputs, feeds.values, results, feeds.bindings);
      marks?.push({ inputs, kept: isKept ? results : undefined });
      if (index === last) return results['hidden']!;
      const slot = marks ? `mixed:${index}` : 'mixed';
      const mixed = this.#slots.take(slot, tokens.length * this.#mixedWidth);
      const { query, key, value } = results as Record<'query' | 'key' | 'value', Float32Array>;
      await mix(index, { query, key, value }, mixed);
      // Stage 0 leaves the residual stream as it came.
      inputs = { x: results['next'] ?? inputs.x, mixed };
    }
  }

  /** Adds the adapter's gradients; gives dLoss of the image features, level by level. */
  async #backward(
    pass: Pass,
    bindings: Bindings,
    marks: readonly Mark[],
    dHidden: Float32Array,
    gradient: ParameterBuffer,
  ): Promise<Float32Array[]> {
    const dLevels = pass.placement.levels.map(({ length }) => new Float32Array(length));
    const lowest = this.#vision?.isTrained ? 0 : this.#stages.lowestAdapted;
    let seeds: Buffers = { 'seed:hidden': dHidden };
    for (let index = marks.length - 1; index >= lowest; index--) {
      pass.signal.throwIfAborted();
      const { inputs, kept } = marks[index]!;
      const feeds = this.#feeds(pass, index);
      const handed = kept ?? (await this.#again(pass, index, inputs, feeds));
      const { 'seed:mixed': dMixed, ...others } = seeds;
      const projected = dMixed ? await this.#unmix(pass, bindings, handed, dMixed) : {};
      const next = marks[index + 1]?.inputs.x;
      const x = this.#slots.take(`dx:${index % 2}`, inputs.x.length);
      const mixed = inputs.mixed && this.#slots.take(`dMixed:${index % 2}`, inputs.mixed.length);
      await this.#stages.at(index).backward(
        {
          ...feeds.values,
          ...inputs,
          ...handed,
          ...(next === undefined ? {} : { next }),
          ...others,
          ...projected,
        },
        { x, ...(mixed ? { mixed } : {}), features: dLevels[index]! },
        gradient,
        feeds.bindings,
      );
      seeds = { 'seed:next': x, ...(mixed ? { 'seed:mixed': mixed } : {}) };
    }
    const dEmbedded = seeds['seed:next'];
    if (this.#vision?.isTrained && dEmbedded !== undefined) {
      addImageRows(dLevels[0]!, dEmbedded, pass.placement.imageRow, this.#width);
    }
    return dLevels;
  }

  /** From dLoss of what an attention mixed to the seeds of what it worked on. */
  async #unmix(
    { values }: Pass,
    bindings: Bindings,
    handed: Buffers,
    dMixed: Float32Array,
  ): Promise<Buffers> {
    const program = await this.#attention.groupBackward();
    const feeds: Record<string, Values[string]> = { ...values, 'seed:mixed': dMixed };
    const results: Record<string, Float32Array> = {};
    const seeds: Record<string, Float32Array> = {};
    for (const name of ['query', 'key', 'value']) {
      const projected = handed[name]!;
      feeds[name] = projected;
      seeds[`seed:${name}`] = this.#slots.take(`d:${name}`, projected.length);
      results[`gradient:${name}`] = seeds[`seed:${name}`]!;
    }
    await program.run(feeds, results, bindings);
    return seeds;
  }

  /** The forward pass of one stage, with all that its backward pass is handed. */
  async #again(
    pass: Pass,
    index: number,
    inputs: StageInputs,
    { values, bindings }: Feeds,
  ): Promise<Buffers> {
    const stage = this.#stages.at(index);
    const sizes = await stage.sizes(this.#bindings(pass));
    const results = Object.fromEntries(
      [...sizes]
        .filter(([name]) => name !== 'next')
        .map(([name, size]) => [name, this.#slots.take(name, size)]),
    );
    await stage.forward(inputs, values, results, bindings);
    return results;
  }

  async #visionBackward(
    tower: VisionTower,
    { placement, factors, drawing, signal }: Pass,
    dLevels: readonly Float32Array[],
    gradient: ParameterBuffer,
  ): Promise<void> {
    for (const [i, image] of placement.images.entries()) {
      signal.throwIfAborted();
      const start = placement.starts[i]! * this.#width;
      const end = start + imageTokens(image, tower.config) * this.#width;
      const seeds = dLevels.map((level) => level.slice(start, end));
      await tower.backward(image, seeds, factors, gradient, ofImage(drawing, i));
    }
  }

  async #embed(tokens: Int32Array, { imageRow, levels }: Placement): Promise<Float32Array> {
    const width = this.#width;
    const x = this.#slots.take('x:0', tokens.length * width);
    await this.#base.embed(tokens, x);
    imageRow.forEach((row, token) => {
      if (row === 0) return;
      x.set(levels[0]!.subarray((row - 1) * width, row * width), token * width);
    });
    return x;
  }

  /** What stage `index` is fed but for its inputs. */
  #feeds(pass: Pass, index: number): Feeds {
    const { values, placement, factors, drawing } = pass;
    const stage = this.#stages.at(index);
    const masks = stage.masks(drawing, this.#bindings(pass), (name, length) =>
      this.#slots.take(name, length),
    );
    const parameters = {
      cos: values['cos']!,
      sin: values['sin']!,
      imageRow: placement.imageRow,
      // Level 0 takes the place of embeddings; level i is added after layer i − 1, which stage i ends.
      features: placement.levels[index] ?? placement.levels[0]!,
      ...stage.feeds(factors),
    };
    return { values: { ...parameters, ...masks.values }, bindings: masks.bindings };
  }

  #bindings({ values, placement }: Pass): Bindings {
    return { N: values['tokens']!.length, F: placement.levels[0]!.length / this.#width };
  }
}

function basisOf({ settings: { rank, alpha, rankStabilized }, layers }: Adapter): Basis['adapter'] {
  return { rank, alpha, rankStabilized, layers };
}

function ofImage(drawing: Drawing | undefined, image: number): Drawing | undefined {
  return drawing && { rate: drawing.rate, key: `${drawing.key}/image ${image}` };
}

/** Rows of [N, width], one after the other. */
function pickRows(from: Float32Array, rows: Int32Array, width: number): Float32Array {
  const picked = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    picked.set(from.subarray(row * width, (row + 1) * width), i * width);
  });
  return picked;
}

/** Adds each row of `added` to the row of `to` that it came from. */
function addRows(to: Float32Array, added: Float32Array, rows: Int32Array, width: number): void {
  rows.forEach((row, i) => {
    for (let j = 0; j < width; j++) {
      to[row * width + j] = to[row * width + j]! + added[i * width + j]!;
    }
  });
}

/** Gradients at the tokens of images to the rows that stand there; an image may stand in several places. */
function addImageRows(
  to: Float32Array,
  from: Float32Array,
  imageRow: Int32Array,
  width: number,
): void {
  imageRow.forEach((row, token) => {
    if (row === 0) return;
    for (let j = 0; j < width; j++) {
      const at = (row - 1) * width + j;
      to[at] = to[at]! + from[token * width + j]!;
    }
  });
}
