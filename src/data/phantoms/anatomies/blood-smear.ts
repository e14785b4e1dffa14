import { type Anatomy, near, type Scene, spread } from '../anatomy.ts';
import { ellipse, type Ink, mottle, paint, region } from '../canvas.ts';

const field = { x: 0, y: 0, width: 1.9, height: 1.9 };
const redCell: Ink = [0.88, 0.56, 0.55];

/** A stained smear under the microscope. It has no sides: only what is there and how many. */
export const bloodSmear: Anatomy = {
  modality: 'MICROSCOPY',
  channels: 3,
  background: [0.95, 0.9, 0.87],
  view: 'blood smear',
  sided: 'side',
  sideIsOfView: false,
  levelled: 'field',
  levels: ['upper', 'lower'],
  paint: ({ canvas, rng }) => {
    for (const { x, y } of spread(rng, 15, field, 5, 5)) redCellAt({ canvas, rng }, x, y);
    mottle(
      canvas,
      rng,
      region(() => 1),
      6,
      0.04,
    );
  },
  findings: [
    {
      name: 'blast cell',
      plural: 'blast cells',
      article: 'a',
      synonyms: ['blast', 'leukemic blast'],
      attributes: ['count'],
      maxCount: 4,
      paint: (scene) =>
        atEach(scene, (x, y) => {
          paint(scene.canvas, ellipse(x, y, 0.25, 0.24), [0.72, 0.66, 0.88], scene.contrast);
          paint(scene.canvas, ellipse(x, y, 0.18, 0.17), [0.38, 0.18, 0.55], scene.contrast);
        }),
    },
    {
      name: 'sickle cell',
      plural: 'sickle cells',
      article: 'a',
      synonyms: ['sickled cell', 'sickled red cell'],
      attributes: ['count'],
      maxCount: 4,
      paint: (scene) =>
        atEach(scene, (x, y) => {
          const tilt = scene.rng.next() * Math.PI;
          paint(scene.canvas, ellipse(x, y, 0.22, 0.2), [0.95, 0.9, 0.87]);
          paint(
            scene.canvas,
            ellipse(x, y, 0.3, 0.08, { tilt }),
            [0.72, 0.2, 0.25],
            scene.contrast,
          );
        }),
    },
    {
      name: 'malaria parasite',
      plural: 'malaria parasites',
      article: 'a',
      synonyms: ['parasite', 'malaria'],
      attributes: ['count'],
      maxCount: 4,
      paint: (scene) =>
        atEach(scene, (x, y) => {
          redCellAt(scene, x, y);
          paint(scene.canvas, ellipse(x, y, 0.19), redCell);
          paint(scene.canvas, ellipse(x + 0.03, y, 0.075), [0.2, 0.05, 0.4], scene.contrast);
        }),
    },
  ],
};

function redCellAt({ canvas, rng }: Pick<Scene, 'canvas' | 'rng'>, x: number, y: number): void {
  const radius = near(rng, 0.17, 0.015);
  paint(canvas, ellipse(x, y, radius), redCell);
  paint(canvas, ellipse(x, y, radius * 0.35, radius * 0.35), [0.94, 0.76, 0.74]);
}

function atEach({ rng, count }: Scene, place: (x: number, y: number) => void): void {
  for (const { x, y } of spread(rng, count, { ...field, width: 1.6, height: 1.6 }, 3, 3))
    place(x, y);
}
