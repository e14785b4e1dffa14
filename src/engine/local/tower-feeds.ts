/** What the vision towers of single families are fed beside patches and rotary tables. */
import { masked } from '../../model/decoder/attention.ts';
import type { TableTower, VisionConfig, WindowedTower } from '../../model/geometry.ts';
import type { ImagePatches } from '../../model/prompt.ts';
import { positionInterpolation } from '../../model/vision/vision-positions.ts';
import { windowBlocks, windowLength } from '../../model/vision/windows.ts';
import type { Bindings } from '../../tensor/dim.ts';
import type { Values } from '../../tensor/program.ts';

export type TowerFeeds = { readonly values: Values; readonly bindings: Bindings };

/** @param perImage patches that each image is padded to */
export function towerFeeds(
  images: readonly ImagePatches[],
  perImage: number,
  vision: VisionConfig,
): TowerFeeds {
  switch (vision.tower) {
    case 'table':
      return tableFeeds(images, perImage, vision);
    case 'windowed':
      return windowFeeds(images, perImage, vision);
  }
}

function tableFeeds(
  images: readonly ImagePatches[],
  perImage: number,
  vision: TableTower,
): TowerFeeds {
  const interpolation = new Float32Array(images.length * perImage * vision.positions);
  images.forEach((image, i) => {
    interpolation.set(interpolationOf(image, vision), i * perImage * vision.positions);
  });
  return { values: { interpolation }, bindings: {} };
}

const interpolations = new WeakMap<ImagePatches, Float32Array>();

/** [patches, positions] */
function interpolationOf(image: ImagePatches, vision: TableTower): Float32Array {
  const known = interpolations.get(image);
  if (known !== undefined) return known;
  const { indices, weights } = positionInterpolation(image.grid, vision);
  const interpolation = new Float32Array((indices.length / 4) * vision.positions);
  indices.forEach((row, tap) => {
    const at = Math.floor(tap / 4) * vision.positions + row;
    interpolation[at] = interpolation[at]! + weights[tap]!;
  });
  interpolations.set(image, interpolation);
  return interpolation;
}

/** Where each window finds its patches, and each patch its place among those of all windows. */
function windowFeeds(
  images: readonly ImagePatches[],
  perImage: number,
  vision: WindowedTower,
): TowerFeeds {
  const { spatialMergeSize: merge, windowSide } = vision;
  const perBlock = merge ** 2;
  const length = windowLength(vision);
  const windows = images.flatMap(({ grid }, i) =>
    windowBlocks(grid, merge, windowSide).map((blocks) =>
      blocks.map((block) => i * perImage + block * perBlock),
    ),
  );
  // Rows that no patch takes are masked, and places of padding are read by nobody: 0 is as good as any.
  const windowRows = new Int32Array(windows.length * length);
  const windowPlaces = new Int32Array(images.length * perImage);
  const windowBias = new Float32Array(windows.length * length).fill(masked);
  windows.forEach((firstRows, window) => {
    let place = window * length;
    for (const first of firstRows) {
      for (let row = first; row < first + perBlock; row++, place++) {
        windowRows[place] = row;
        windowPlaces[row] = place;
        windowBias[place] = 0;
      }
    }
  });
  return { values: { windowRows, windowPlaces, windowBias }, bindings: { X: windows.length } };
}
