/**
 * Positions of the vision tower: 2-D rotary tables, and the learned position table resampled to an
 * image's grid. Patches are in merge-block order: blocks of merge × merge patches row by row, and row
 * by row within a block.
 *
 * Source: transformers `vision_utils` (`get_vision_position_ids`,
 * `get_vision_interpolation_indices_and_weights` with bilinear taps and aligned corners).
 */

import { inverseFrequencies, type RotaryTables, rotaryTables } from '../decoder/positions.ts';
import type { TableTower, VisionConfig } from '../geometry.ts';
import type { ImagePatches } from '../prompt.ts';

export type Grid = ImagePatches['grid'];

/** Of N patches: four rows of the position table each, and how much of each. */
export type PositionInterpolation = {
  /** [N, 4] */
  readonly indices: Int32Array;
  /** [N, 4], each row sums to 1. */
  readonly weights: Float32Array;
};

/** [t·h·w] row and column of each patch, in merge-block order. */
function patchCoordinates(grid: Grid, merge: number): { rows: Int32Array; columns: Int32Array } {
  const count = grid.t * grid.h * grid.w;
  const rows = new Int32Array(count);
  const columns = new Int32Array(count);
  let patch = 0;
  for (let t = 0; t < grid.t; t++) {
    for (let top = 0; top < grid.h; top += merge) {
      for (let left = 0; left < grid.w; left += merge) {
        for (let inner = 0; inner < merge * merge; inner++, patch++) {
          rows[patch] = top + Math.floor(inner / merge);
          columns[patch] = left + (inner % merge);
        }
      }
    }
  }
  return { rows, columns };
}

/** Tables [N, vision head width] for one image: the first half of the frequencies turns with the row, the second with the column. */
export function visionRopeTables(grid: Grid, vision: VisionConfig): RotaryTables {
  const half = vision.hiddenSize / vision.heads / 2;
  const quarter = half / 2;
  const frequencies = inverseFrequencies(vision.ropeTheta, half);
  const { rows, columns } = patchCoordinates(grid, vision.spatialMergeSize);
  return rotaryTables(rows.length, half, (patch, f) =>
    f < quarter ? rows[patch]! * frequencies[f]! : columns[patch]! * frequencies[f - quarter]!,
  );
}

/** How the square learned position table is read for one image. */
export function positionInterpolation(grid: Grid, vision: TableTower): PositionInterpolation {
  const side = Math.sqrt(vision.positions);
  const { rows, columns } = patchCoordinates(grid, vision.spatialMergeSize);
  const vertical = Array.from({ length: grid.h }, (_, i) => axisTaps(i, grid.h, side));
  const horizontal = Array.from({ length: grid.w }, (_, i) => axisTaps(i, grid.w, side));
  const indices = new Int32Array(4 * rows.length);
  const weights = new Float32Array(4 * rows.length);
  for (let patch = 0; patch < rows.length; patch++) {
    const y = vertical[rows[patch]!]!;
    const x = horizontal[columns[patch]!]!;
    for (let tap = 0; tap < 4; tap++) {
      const [row, column] = [tap >> 1, tap & 1];
      indices[4 * patch + tap] = y.taps[row]! * side + x.taps[column]!;
      weights[4 * patch + tap] = y.weights[row]! * x.weights[column]!;
    }
  }
  return { indices, weights };
}

/** The two table entries around position `index` of `length`, corners aligned, in float32 steps. */
function axisTaps(index: number, length: number, side: number) {
  const source = Math.fround((index * (side - 1)) / Math.max(length - 1, 1));
  const low = Math.floor(source);
  const fraction = Math.fround(source - low);
  return {
    taps: [low, Math.min(low + 1, side - 1)],
    weights: [Math.fround(1 - fraction), Math.fround(1 - Math.fround(Math.abs(fraction - 1)))],
  };
}
