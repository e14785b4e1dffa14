/**
 * Dropout of an adapter (arXiv 2106.09685, as in `peft`): while it is trained, each number that goes into A is 0
 * with some probability, and what is left is divided by the probability to be left. A mask is a function of its
 * key alone: it is the same one when a forward pass runs again, and after a run has been resumed.
 *
 * Masks are rows of a table, chosen by the layer's rows. A pass without dropout chooses one row of ones for all,
 * so the same program serves both.
 */
import { rngFromKey } from '../../../core/rng.ts';
import { type Bindings, type Dim, dimValue } from '../../../tensor/dim.ts';
import type { Node } from '../../../tensor/node.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Values } from '../../../tensor/program.ts';

export type Dropout = {
  /** Probability of a 0, above 0 and below 1. */
  readonly rate: number;
  /** Of all masks. */
  readonly seed: number;
};

/** The masks of one pass. */
export type Drawing = { readonly rate: number; readonly key: string };

/** Shapes of the masks of a graph, by the layer's name in the graph. */
export type Masks = ReadonlyMap<string, { readonly rows: Dim; readonly columns: Dim }>;

/** @param pass name of the pass, unique in a run */
export function drawingOf(dropout: Dropout | undefined, pass: string): Drawing | undefined {
  return dropout && { rate: dropout.rate, key: `${dropout.seed}/dropout/${pass}` };
}

/** x [rows, columns] times the mask of a layer. */
export function masked(x: Node, layer: string): Node {
  const [rows, columns] = x.shape as readonly [Dim, Dim];
  const table = ops.input(tableName(layer), [tableRows(rows), columns]);
  return ops.multiply(x, ops.gatherRows(table, ops.input(choiceName(rows), [rows], 'int32')));
}

/**
 * What {@link masked} is fed.
 * @param drawing undefined for a pass without dropout
 * @param parameter from a layer's name in the graph to its name in the model
 * @param take a buffer for a mask, by its name in the graph
 */
export function maskFeeds(
  masks: Masks,
  drawing: Drawing | undefined,
  bindings: Bindings,
  parameter: (layer: string) => string,
  take: (name: string, length: number) => Float32Array = (_, length) => new Float32Array(length),
): { readonly values: Values; readonly bindings: Bindings } {
  const values: Record<string, Values[string]> = {};
  const added: Record<string, number> = { ...bindings };
  for (const [layer, mask] of masks) {
    const rows = dimValue(mask.rows, bindings);
    const columns = dimValue(mask.columns, bindings);
    const table = tableName(layer);
    if (drawing === undefined) {
      values[table] = new Float32Array(columns).fill(1);
      values[choiceName(mask.rows)] = new Int32Array(rows);
    } else {
      const buffer = take(table, rows * columns);
      draw(buffer, drawing.rate, `${drawing.key}/${parameter(layer)}`);
      values[table] = buffer;
      values[choiceName(mask.rows)] = Int32Array.from({ length: rows }, (_, row) => row);
    }
    added[tableRows(mask.rows)] = drawing === undefined ? 1 : rows;
  }
  return { values, bindings: added };
}

const resolution = 1 << 16;

/** 16 bits decide a number, so one word of the generator decides two. */
function draw(mask: Float32Array, rate: number, key: string): void {
  const limit = Math.min(resolution - 1, Math.round(rate * resolution));
  const kept = resolution / (resolution - limit);
  const rng = rngFromKey(key);
  for (let i = 0; i < mask.length; i += 2) {
    const word = rng.integer(2 ** 32);
    mask[i] = word >>> 16 < limit ? 0 : kept;
    // A write behind the end is none.
    mask[i + 1] = (word & (resolution - 1)) < limit ? 0 : kept;
  }
}

function tableName(layer: string): string {
  return `masks:${layer}`;
}

function choiceName(rows: Dim): string {
  return `maskOf:${rows}`;
}

function tableRows(rows: Dim): string {
  return `masksOf${String(rows).replaceAll('*', '')}`;
}
