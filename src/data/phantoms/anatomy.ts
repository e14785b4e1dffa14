import type { Modality } from '../../core/modality.ts';
import type { Rng } from '../../core/rng.ts';
import type { Canvas, Ink } from './canvas.ts';

/** Left and right are always the patient's own, never the viewer's. */
export type Side = 'left' | 'right';
export type Size = 'small' | 'large';
export type Attribute = 'side' | 'level' | 'count' | 'size';

/** What a study is drawn from. Every value is drawn; a finding's `attributes` say which ones show. */
export type Scene = {
  readonly canvas: Canvas;
  readonly rng: Rng;
  readonly side: Side;
  /** 0 is the upper (front, near) part, 1 the lower (back, far) one. */
  readonly level: 0 | 1;
  readonly count: number;
  readonly size: Size;
  /** Opacity of the finding, in (0, 1]. */
  readonly contrast: number;
};

export type FindingKind = {
  readonly name: string;
  readonly plural: string;
  /** Empty for names that take none. */
  readonly article: '' | 'a' | 'an';
  /** Other names that count as right. */
  readonly synonyms: readonly string[];
  /** What can be read off the image about it, and so be asked. */
  readonly attributes: readonly Attribute[];
  /** Counts run from 1 to this. */
  readonly maxCount: number;
  /** Draws it over the painted anatomy. */
  readonly paint: (scene: Scene) => void;
};

/** One modality's kind of picture: what is healthy in it, and what can be found in it. */
export type Anatomy = {
  readonly modality: Modality;
  readonly channels: 1 | 3;
  readonly background: Ink;
  /** As in "this chest X-ray". */
  readonly view: string;
  /** What has a side, as in "left lung". */
  readonly sided: string;
  /** The side is that of the organ shown (an eye, a breast), so that normal studies have one too. */
  readonly sideIsOfView: boolean;
  /** What has levels, as in "upper lung". */
  readonly levelled: string;
  /** Words for level 0 and level 1. */
  readonly levels: readonly [string, string];
  readonly findings: readonly FindingKind[];
  readonly paint: (scene: Scene) => void;
};

export function otherSide(side: Side): Side {
  return side === 'left' ? 'right' : 'left';
}

export function otherLevel(level: 0 | 1): 0 | 1 {
  return level === 0 ? 1 : 0;
}

export function otherSize(size: Size): Size {
  return size === 'small' ? 'large' : 'small';
}

/** -1 or 1: where the patient's side lies in an image that faces the viewer, as radiographs do. */
export function facing(side: Side): -1 | 1 {
  return side === 'left' ? 1 : -1;
}

/** `small` or `large` by the scene's size, with a little variation that never blurs the two. */
export function bySize(scene: Scene, small: number, large: number): number {
  return (scene.size === 'small' ? small : large) * (0.92 + 0.16 * scene.rng.next());
}

export type Box = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};

/**
 * `count` places in a box centred on (x, y), one per cell of a grid, so that neighbours stay apart and
 * can be counted.
 */
export function spread(
  rng: Rng,
  count: number,
  box: Box,
  columns: number,
  rows: number,
): { readonly x: number; readonly y: number }[] {
  const cells = rng.shuffle(Array.from({ length: columns * rows }, (_, i) => i)).slice(0, count);
  const jitter = () => 0.5 + (rng.next() - 0.5) * 0.3;
  return cells.map((cell) => ({
    x: box.x + box.width * (((cell % columns) + jitter()) / columns - 0.5),
    y: box.y + box.height * ((Math.floor(cell / columns) + jitter()) / rows - 0.5),
  }));
}

/** A number near `centre`. */
export function near(rng: Rng, centre: number, spreadBy: number): number {
  return centre + (rng.next() * 2 - 1) * spreadBy;
}
