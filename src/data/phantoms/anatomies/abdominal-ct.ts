import { type Anatomy, bySize, facing, near, spread } from '../anatomy.ts';
import { ellipse, mottle, paint } from '../canvas.ts';

const kidneyX = 0.42;
const kidneyY = 0.28;

/** An axial slice seen from the feet: the liver, on the patient's right, lies at image left. */
export const abdominalCt: Anatomy = {
  modality: 'CT_SCAN',
  channels: 1,
  background: [0.02],
  view: 'abdominal CT',
  sided: 'kidney',
  sideIsOfView: false,
  levelled: 'abdomen',
  levels: ['upper', 'lower'],
  paint: ({ canvas, rng }) => {
    const width = near(rng, 0.92, 0.03);
    paint(canvas, ellipse(0, 0, width, 0.7), [0.3]);
    paint(canvas, ellipse(0, 0, width - 0.1, 0.59), [0.42]);
    paint(canvas, ellipse(-0.38, -0.13, 0.42, 0.34, { tilt: 0.25 }), [0.62]);
    paint(canvas, ellipse(0.58, -0.08, 0.17, 0.26), [0.58]);
    paint(canvas, ellipse(0.22, -0.32, near(rng, 0.15, 0.03), 0.1), [0.12]);
    paint(canvas, ellipse(-kidneyX, kidneyY, 0.15, 0.19, { tilt: 0.3 }), [0.7]);
    paint(canvas, ellipse(kidneyX, kidneyY, 0.15, 0.19, { tilt: -0.3 }), [0.7]);
    paint(canvas, ellipse(0, 0.42, 0.14, 0.13), [0.98]);
    paint(canvas, ellipse(0, 0.47, 0.05), [0.5]);
    paint(canvas, ellipse(0.04, 0.2, 0.06), [0.72]);
    mottle(canvas, rng, ellipse(0, 0, 1), 14, 0.07);
  },
  findings: [
    {
      name: 'liver cyst',
      plural: 'liver cysts',
      article: 'a',
      synonyms: ['cyst in the liver', 'hepatic cyst', 'cyst'],
      attributes: ['count'],
      maxCount: 4,
      paint: ({ canvas, rng, count, contrast }) => {
        const box = { x: -0.4, y: -0.14, width: 0.62, height: 0.52 };
        for (const { x, y } of spread(rng, count, box, 2, 2)) {
          paint(canvas, ellipse(x, y, 0.08), [0.12], contrast);
        }
      },
    },
    {
      name: 'kidney stone',
      plural: 'kidney stones',
      article: 'a',
      synonyms: ['renal stone', 'stone', 'renal calculus'],
      attributes: ['side'],
      maxCount: 1,
      paint: ({ canvas, rng, side, contrast }) => {
        const x = facing(side) * near(rng, kidneyX, 0.03);
        paint(
          canvas,
          ellipse(x, near(rng, kidneyY, 0.05), 0.075, 0.06, { edge: 0.03 }),
          [1.15],
          contrast,
        );
      },
    },
    {
      name: 'kidney mass',
      plural: 'kidney masses',
      article: 'a',
      synonyms: ['renal mass', 'kidney tumor', 'renal tumor'],
      attributes: ['side', 'size'],
      maxCount: 1,
      paint: (scene) => {
        const radius = bySize(scene, 0.17, 0.28);
        const x = facing(scene.side) * (kidneyX + 0.06);
        paint(scene.canvas, ellipse(x, kidneyY - 0.08, radius), [0.8], scene.contrast);
        paint(scene.canvas, ellipse(x, kidneyY - 0.08, radius * 0.55), [0.35], scene.contrast);
      },
    },
    {
      name: 'aortic aneurysm',
      plural: 'aortic aneurysms',
      article: 'an',
      synonyms: ['aneurysm', 'enlarged aorta'],
      attributes: [],
      maxCount: 1,
      paint: ({ canvas, rng, contrast }) => {
        paint(canvas, ellipse(0.03, 0.1, near(rng, 0.2, 0.015)), [0.9], contrast);
      },
    },
  ],
};
