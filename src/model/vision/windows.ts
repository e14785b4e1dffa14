/**
 * Windows of Qwen2.5-VL's vision tower: squares of merged blocks, cut at the right and the bottom of an image,
 * within which most blocks of the tower attend. Patches stay in merge-block order; a window is a list of rows.
 *
 * Source: transformers `vision_utils` (`get_vision_window_index`). There, all patches are moved into the order
 * of windows and back; here, attention alone fetches what it needs, which computes the same.
 */
import type { WindowedTower } from '../geometry.ts';
import type { Grid } from './vision-positions.ts';

/**
 * Merged blocks of each window, row by row; windows row by row.
 *
 * @param side of a window, in merged blocks
 */
export function windowBlocks(grid: Grid, merge: number, side: number): number[][] {
  const [rows, columns] = [grid.h / merge, grid.w / merge];
  const windows: number[][] = [];
  for (let frame = 0; frame < grid.t; frame++) {
    for (let top = 0; top < rows; top += side) {
      for (let left = 0; left < columns; left += side) {
        const window: number[] = [];
        for (let row = top; row < Math.min(top + side, rows); row++) {
          for (let column = left; column < Math.min(left + side, columns); column++) {
            window.push((frame * rows + row) * columns + column);
          }
        }
        windows.push(window);
      }
    }
  }
  return windows;
}

/** Patches that a window has room for. */
export function windowLength(
  vision: Pick<WindowedTower, 'windowSide' | 'spatialMergeSize'>,
): number {
  return (vision.windowSide * vision.spatialMergeSize) ** 2;
}
