/** Weights that completions come from: a model's as they are or were, a checkpoint's, the base model's. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { CheckpointHandle, Engine } from '../../engine/engine.ts';
import { Refusal } from './refusal.ts';
import { removeQuietly } from './training-log.ts';

/** What of a trained model samplers look at. */
export type SampledModel = {
  readonly id: string;
  readonly rank: number;
  readonly engine: () => Promise<Engine>;
  /** Grows with each change of the weights. */
  readonly version: () => number;
};

type Kept = { readonly folder: string; readonly handle: CheckpointHandle };

export type Source =
  | { readonly kind: 'base' }
  | { readonly kind: 'checkpoint'; readonly path: string }
  | {
      readonly kind: 'model';
      readonly model: SampledModel;
      readonly version: number;
      kept: Kept | undefined;
      isGone: boolean;
    };

type Sampler = {
  readonly id: string;
  readonly source: Source;
  /** As it is told to clients. */
  readonly path: string | null;
};

export type Samplers = {
  add(sampler: Sampler): void;
  /** @throws Refusal 404 */
  get(id: string): Sampler;
  /** To be called before a model's weights change: samplers of the present ones get a copy on disk. */
  keep(model: SampledModel): Promise<void>;
  drop(model: SampledModel): Promise<void>;
};

/** Earlier weights of one model that stay on disk. */
const keptVersions = 4;

export function createSamplers(folder: string): Samplers {
  const all = new Map<string, Sampler>();
  const kept = new Map<string, Kept[]>();
  const sourcesOf = (model: SampledModel) =>
    [...all.values()].flatMap(({ source }) =>
      source.kind === 'model' && source.model === model ? [source] : [],
    );
  const end = async (model: SampledModel, place: Kept) => {
    for (const source of sourcesOf(model)) {
      if (source.kept === place) source.isGone = true;
    }
    await removeQuietly(place.folder);
  };
  return {
    add: (sampler) => {
      all.set(sampler.id, sampler);
    },
    get: (id) => {
      const found = all.get(id);
      if (found === undefined) {
        throw new Refusal(
          404,
          `no sampler ${id.slice(0, 200)}; it may have ended with a restart of the service: save the weights for sampling once more`,
        );
      }
      return found;
    },
    keep: async (model) => {
      const now = sourcesOf(model).filter(
        (source) => source.version === model.version() && source.kept === undefined,
      );
      if (now.length === 0) return;
      const place = join(folder, randomUUID());
      const engine = await model.engine();
      const copy = { folder: place, handle: await engine.save(place, 'weights') };
      for (const source of now) source.kept = copy;
      const copies = [...(kept.get(model.id) ?? []), copy];
      while (copies.length > keptVersions) await end(model, copies.shift()!);
      kept.set(model.id, copies);
    },
    drop: async (model) => {
      for (const source of sourcesOf(model)) source.isGone = true;
      for (const copy of kept.get(model.id) ?? []) await removeQuietly(copy.folder);
      kept.delete(model.id);
    },
  };
}

/** A name for the weights that a source stands for now; equal names are equal weights. */
export function weightsKey(source: Source): string {
  switch (source.kind) {
    case 'base':
      return 'base';
    case 'checkpoint':
      return source.path;
    case 'model':
      return `${source.model.id} ${source.version}`;
  }
}
