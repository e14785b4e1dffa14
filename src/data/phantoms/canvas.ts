import type { Rng } from '../../core/rng.ts';
import type { Range } from './difficulty.ts';

/** Width and height of every phantom, in pixels. */
export const imageSize = 64;

/** One number per channel, each in [0, 1]. */
export type Ink = readonly number[];

/**
 * A square picture addressed in half-widths: x and y run from -1 to 1, right and down, before the
 * canvas's own rotation, shift and zoom. Painters never see pixels.
 */
export type Canvas = {
  readonly channels: 1 | 3;
  /** [imageSize, imageSize, channels], nominally in [0, 1], not clamped. */
  readonly values: Float32Array;
  readonly pose: Pose;
};

export type Pose = {
  readonly rotation: number;
  readonly shiftX: number;
  readonly shiftY: number;
  readonly zoom: number;
};

/** Where paint goes: coverage in [0, 1] at a point, and a box outside of which it is 0. */
export type Shape = {
  /** Centre of the box. */
  readonly x: number;
  readonly y: number;
  readonly halfWidth: number;
  readonly halfHeight: number;
  readonly cover: (x: number, y: number) => number;
};

const softEdge = 0.06;
const everywhere = { x: 0, y: 0, halfWidth: 4, halfHeight: 4 } as const;

export function createCanvas(channels: 1 | 3, pose: Pose, background: Ink): Canvas {
  const values = new Float32Array(imageSize * imageSize * channels);
  for (let c = 0; c < channels; c++) {
    for (let i = c; i < values.length; i += channels) values[i] = background[c]!;
  }
  return { channels, values, pose };
}

/** A tilted ellipse; `edge` is the width of its soft border in half-widths. */
export function ellipse(
  x: number,
  y: number,
  radiusX: number,
  radiusY = radiusX,
  { edge = softEdge, tilt = 0 } = {},
): Shape {
  const alongX = Math.cos(tilt) / radiusX;
  const alongY = Math.sin(tilt) / radiusX;
  const acrossX = -Math.sin(tilt) / radiusY;
  const acrossY = Math.cos(tilt) / radiusY;
  const sharpness = Math.min(radiusX, radiusY) / edge;
  const inner = Math.max(0, 1 - 0.5 / sharpness) ** 2;
  const outer = (1 + 0.5 / sharpness) ** 2;
  const reach = Math.max(radiusX, radiusY);
  return {
    x,
    y,
    halfWidth: (tilt === 0 ? radiusX : reach) + edge,
    halfHeight: (tilt === 0 ? radiusY : reach) + edge,
    cover: (px, py) => {
      const along = (px - x) * alongX + (py - y) * alongY;
      const across = (px - x) * acrossX + (py - y) * acrossY;
      const squared = along * along + across * across;
      if (squared >= outer) return 0;
      if (squared <= inner) return 1;
      return clamp01((1 - Math.sqrt(squared)) * sharpness + 0.5);
    },
  };
}

/** A straight stroke with round ends. */
export function stroke(x0: number, y0: number, x1: number, y1: number, width: number): Shape {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const squaredLength = dx * dx + dy * dy;
  return {
    x: (x0 + x1) / 2,
    y: (y0 + y1) / 2,
    halfWidth: Math.abs(dx) / 2 + width / 2 + softEdge,
    halfHeight: Math.abs(dy) / 2 + width / 2 + softEdge,
    cover: (px, py) => {
      const t = clamp01(((px - x0) * dx + (py - y0) * dy) / squaredLength);
      const awayX = px - x0 - t * dx;
      const awayY = py - y0 - t * dy;
      const distance = Math.sqrt(awayX * awayX + awayY * awayY);
      return clamp01((width / 2 - distance) / softEdge + 0.5);
    },
  };
}

/** The half-plane under `y`. */
export function below(y: number): Shape {
  return { ...everywhere, cover: (_, py) => clamp01((py - y) / softEdge + 0.5) };
}

/** A shape given by its coverage alone. */
export function region(cover: (x: number, y: number) => number): Shape {
  return { ...everywhere, cover };
}

/** Where both shapes cover; bounded by the first. */
export function intersect(first: Shape, second: Shape): Shape {
  return { ...first, cover: (x, y) => first.cover(x, y) * second.cover(x, y) };
}

/** Mixes ink into the picture where the shape covers it. */
export function paint(canvas: Canvas, shape: Shape, ink: Ink, opacity = 1): void {
  const { channels, values } = canvas;
  visit(canvas, shape, (offset, coverage) => {
    const share = coverage * opacity;
    for (let c = 0; c < channels; c++) {
      values[offset + c]! += (ink[c]! - values[offset + c]!) * share;
    }
  });
}

/**
 * Smooth random variation with about `cells` hills across, multiplied into the picture: a factor in
 * 1 ± `amount`. Tissue is mottled this way, and ultrasound speckled.
 */
export function mottle(canvas: Canvas, rng: Rng, shape: Shape, cells: number, amount: number) {
  const side = cells + 2;
  const hills = Float32Array.from({ length: side * side }, () => (rng.next() * 2 - 1) * amount);
  const { channels, values } = canvas;
  visit(canvas, shape, (offset, coverage) => {
    const pixel = offset / channels;
    const gx = ((pixel % imageSize) / imageSize) * cells;
    const gy = (Math.floor(pixel / imageSize) / imageSize) * cells;
    const corner = Math.floor(gy) * side + Math.floor(gx);
    const fx = gx % 1;
    const fy = gy % 1;
    const top = hills[corner]! * (1 - fx) + hills[corner + 1]! * fx;
    const bottom = hills[corner + side]! * (1 - fx) + hills[corner + side + 1]! * fx;
    const factor = 1 + coverage * (top * (1 - fy) + bottom * fy);
    for (let c = 0; c < channels; c++) values[offset + c]! *= factor;
  });
}

/** Exposure, brightness and pixel noise (triangular, the same in all channels), rounded to bytes. */
export function develop(
  canvas: Canvas,
  rng: Rng,
  film: { readonly exposure: number; readonly brightness: number; readonly noise: number },
): Uint8Array {
  const { channels, values } = canvas;
  const bytes = new Uint8Array(values.length);
  for (let offset = 0; offset < values.length; offset += channels) {
    // The two halves of one 32-bit draw are two uniform numbers; their sum is triangular.
    const draw = rng.next() * 65536;
    const high = Math.floor(draw);
    const noise = (high / 65536 + (draw - high) - 1) * film.noise;
    const added = 0.5 + film.brightness + noise;
    for (let c = 0; c < channels; c++) {
      const value = (values[offset + c]! - 0.5) * film.exposure + added;
      bytes[offset + c] = clamp01(value) * 255 + 0.5;
    }
  }
  return bytes;
}

export function within(rng: Rng, [low, high]: Range): number {
  return low + (high - low) * rng.next();
}

/** Calls back for each pixel that the shape covers, with the offset of its first channel. */
function visit(
  { channels, pose }: Canvas,
  shape: Shape,
  callback: (offset: number, coverage: number) => void,
): void {
  const half = imageSize / 2;
  const cos = Math.cos(pose.rotation);
  const sin = Math.sin(pose.rotation);
  const centreX = pose.shiftX + pose.zoom * (shape.x * cos - shape.y * sin);
  const centreY = pose.shiftY + pose.zoom * (shape.x * sin + shape.y * cos);
  const tilt = Math.abs(sin);
  const reachX = pose.zoom * (shape.halfWidth * cos + shape.halfHeight * tilt);
  const reachY = pose.zoom * (shape.halfHeight * cos + shape.halfWidth * tilt);
  const left = toPixel(Math.floor((centreX - reachX + 1) * half));
  const right = toPixel(Math.ceil((centreX + reachX + 1) * half));
  const top = toPixel(Math.floor((centreY - reachY + 1) * half));
  const bottom = toPixel(Math.ceil((centreY + reachY + 1) * half));
  const step = 1 / (half * pose.zoom);
  for (let row = top; row < bottom; row++) {
    const py = (row + 0.5 - half * (1 + pose.shiftY)) * step;
    for (let column = left; column < right; column++) {
      const px = (column + 0.5 - half * (1 + pose.shiftX)) * step;
      const coverage = shape.cover(px * cos + py * sin, py * cos - px * sin);
      if (coverage > 0) callback((row * imageSize + column) * channels, coverage);
    }
  }
}

function toPixel(value: number): number {
  return Math.max(0, Math.min(imageSize, value));
}

function clamp01(value: number): number {
  return value < 0 ? 0 : Math.min(value, 1);
}
