import { type Anatomy, bySize, near, type Scene } from '../anatomy.ts';
import { ellipse, intersect, mottle, paint, region } from '../canvas.ts';

/** The round-cornered square that the scope shows. */
const view = region((x, y) => {
  const distance = Math.sqrt(Math.sqrt(x * x * x * x + y * y * y * y));
  return Math.max(0, Math.min(1, (0.97 - distance) / 0.06));
});

/** A look down the bowel: pink folds around a dark lumen. */
export const endoscopy: Anatomy = {
  modality: 'ENDOSCOPY',
  channels: 3,
  background: [0.01, 0.01, 0.01],
  view: 'endoscopy image',
  sided: 'side',
  sideIsOfView: false,
  levelled: 'wall',
  levels: ['upper', 'lower'],
  paint: ({ canvas, rng }) => {
    const x = near(rng, 0, 0.15);
    const y = near(rng, 0, 0.12);
    paint(canvas, view, [near(rng, 0.88, 0.05), near(rng, 0.5, 0.04), 0.44]);
    for (const radius of [0.82, 0.58, 0.38]) {
      const jitter = near(rng, radius, 0.03);
      const outer = ellipse(x, y, jitter, jitter * 0.92);
      paint(canvas, intersect(outer, view), [0.72, 0.32, 0.28], 0.55);
      paint(
        canvas,
        intersect(ellipse(x, y, jitter - 0.05, jitter * 0.9 - 0.05), view),
        [0.84, 0.44, 0.39],
        0.6,
      );
    }
    paint(canvas, ellipse(x, y, near(rng, 0.2, 0.03), 0.19, { edge: 0.14 }), [0.16, 0.04, 0.04]);
    mottle(canvas, rng, view, 8, 0.08);
  },
  findings: [
    {
      name: 'polyp',
      plural: 'polyps',
      article: 'a',
      synonyms: ['colon polyp', 'bowel polyp'],
      attributes: ['count'],
      maxCount: 4,
      paint: ({ canvas, rng, count, contrast }) => {
        for (const corner of rng.shuffle(corners).slice(0, count)) {
          const x = near(rng, corner[0] * 0.52, 0.06);
          const y = near(rng, corner[1] * 0.52, 0.06);
          paint(canvas, ellipse(x, y, 0.21), [0.45, 0.12, 0.12], contrast);
          paint(canvas, ellipse(x, y - 0.01, 0.16), [0.98, 0.66, 0.6], contrast);
          paint(canvas, ellipse(x - 0.05, y - 0.06, 0.05), [1, 0.97, 0.95], contrast);
        }
      },
    },
    {
      name: 'ulcer',
      plural: 'ulcers',
      article: 'an',
      synonyms: ['bowel ulcer', 'ulceration'],
      attributes: ['level', 'size'],
      maxCount: 1,
      paint: (scene) => {
        const radius = bySize(scene, 0.15, 0.27);
        const { x, y } = placeOf(scene);
        paint(scene.canvas, ellipse(x, y, radius * 1.35, radius), [0.7, 0.08, 0.1], scene.contrast);
        paint(
          scene.canvas,
          ellipse(x, y, radius, radius * 0.68),
          [0.98, 0.94, 0.62],
          scene.contrast,
        );
      },
    },
    {
      name: 'bleeding',
      plural: 'bleeding',
      article: '',
      synonyms: ['active bleeding', 'blood'],
      attributes: ['level'],
      maxCount: 1,
      paint: (scene) => {
        const { canvas, rng, contrast } = scene;
        const { x, y } = placeOf(scene);
        for (let drop = 0; drop < 4; drop++) {
          const pool = ellipse(near(rng, x, 0.25), near(rng, y, 0.12), near(rng, 0.2, 0.06), 0.13);
          paint(canvas, intersect(pool, view), [0.55, 0, 0.03], contrast);
        }
      },
    },
  ],
};

const corners = [
  [-1, -1],
  [1, -1],
  [-1, 1],
  [1, 1],
] as const;

function placeOf({ rng, level }: Scene): { readonly x: number; readonly y: number } {
  return { x: near(rng, 0, 0.3), y: near(rng, level === 0 ? -0.52 : 0.52, 0.05) };
}
