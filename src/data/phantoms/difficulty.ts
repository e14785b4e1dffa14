/**
 * How hard the phantoms are to read; to change the difficulty, change the values here. Ranges are [low,
 * high], drawn uniformly for each study. A supervised start should get about half of the answers right and
 * leave RL room to grow.
 */

export type Range = readonly [low: number, high: number];

export const difficulty = {
  /** Opacity of a finding over its background, in (0, 1]; lower is harder. */
  findingContrast: [0.65, 1],
  /** Half-width of the pixel noise, as a share of full scale; higher is harder. */
  noise: [0.02, 0.07],
  /** Factor on the distance from mid-grey. */
  exposure: [0.85, 1.1],
  /** Added to every pixel, as a share of full scale. */
  brightness: [-0.05, 0.05],
  /** Rotation of the whole picture about its centre, in radians. */
  rotation: [-0.1, 0.1],
  /** Shift of the whole picture, in half-widths. */
  shift: [-0.06, 0.06],
  zoom: [0.92, 1.06],
} as const satisfies Record<string, Range>;
