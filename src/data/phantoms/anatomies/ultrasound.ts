import { type Anatomy, bySize, near, type Scene, spread } from '../anatomy.ts';
import { ellipse, intersect, mottle, paint, region, stroke } from '../canvas.ts';

const probeY = -1.5;
const edgeCos = Math.cos(0.6);
const edgeSin = Math.sin(0.6);

/** The sector that the probe, above the picture, can see. */
const fan = region((x, y) => {
  const depth = y - probeY;
  const fromSide = depth * edgeSin - Math.abs(x) * edgeCos;
  const radius = Math.sqrt(x * x + depth * depth);
  return soft(Math.min(fromSide, radius - 0.75, 2.35 - radius));
});

/** A curved-probe image. Depth stands for place: near field above, far field below. */
export const ultrasound: Anatomy = {
  modality: 'ULTRASOUND',
  channels: 1,
  background: [0.01],
  view: 'ultrasound',
  sided: 'side',
  sideIsOfView: false,
  levelled: 'field',
  levels: ['near', 'far'],
  paint: ({ canvas, rng }) => {
    paint(canvas, fan, [near(rng, 0.42, 0.05)]);
    for (let band = 0; band < 3; band++) {
      const y = near(rng, -0.55 + band * 0.5, 0.12);
      paint(canvas, intersect(ellipse(near(rng, 0, 0.3), y, 0.7, 0.06), fan), [0.62], 0.6);
    }
    mottle(canvas, rng, fan, 24, 0.45);
  },
  findings: [
    {
      name: 'cyst',
      plural: 'cysts',
      article: 'a',
      synonyms: ['simple cyst', 'fluid-filled cyst'],
      attributes: ['level', 'size'],
      maxCount: 1,
      paint: (scene) => {
        const { x, y } = placeOf(scene);
        const radius = bySize(scene, 0.16, 0.27);
        const echo = stroke(x, y + radius, x, y + radius + 0.3, radius * 1.2);
        paint(scene.canvas, intersect(echo, fan), [0.85], 0.6 * scene.contrast);
        paint(scene.canvas, ellipse(x, y, radius), [0.01], scene.contrast);
      },
    },
    {
      name: 'stone',
      plural: 'stones',
      article: 'a',
      synonyms: ['gallstone', 'calculus'],
      attributes: ['count'],
      maxCount: 3,
      paint: ({ canvas, rng, count, contrast }) => {
        const y = near(rng, -0.25, 0.12);
        for (const { x } of spread(rng, count, { x: 0, y, width: 1.1, height: 0.1 }, 3, 1)) {
          const shadow = stroke(x, y + 0.1, x * 1.6, 0.9, 0.14);
          paint(canvas, intersect(shadow, fan), [0.01], contrast);
          paint(canvas, ellipse(x, y, 0.1, 0.08), [1.1], contrast);
        }
      },
    },
    {
      name: 'solid mass',
      plural: 'solid masses',
      article: 'a',
      synonyms: ['mass', 'solid lesion', 'tumor'],
      attributes: ['level', 'size'],
      maxCount: 1,
      paint: (scene) => {
        const { x, y } = placeOf(scene);
        const shape = ellipse(x, y, bySize(scene, 0.17, 0.29));
        paint(scene.canvas, shape, [0.9], scene.contrast * 0.9);
        mottle(scene.canvas, scene.rng, shape, 24, 0.15);
      },
    },
  ],
};

function placeOf({ rng, level }: Scene): { readonly x: number; readonly y: number } {
  return { x: near(rng, 0, 0.25), y: near(rng, level === 0 ? -0.34 : 0.36, 0.05) };
}

function soft(distance: number): number {
  return Math.max(0, Math.min(1, distance / 0.05));
}
