import { type Anatomy, bySize, facing, near, type Scene, spread } from '../anatomy.ts';
import { ellipse, intersect, mottle, paint, stroke } from '../canvas.ts';

const brain = ellipse(0, 0.02, 0.68, 0.82);

/** An axial slice with dark fluid, seen from the feet: the patient's left lies at image right. */
export const brainMri: Anatomy = {
  modality: 'MRI_SCAN',
  channels: 1,
  background: [0.01],
  view: 'brain MRI',
  sided: 'side',
  sideIsOfView: false,
  levelled: 'lobe',
  levels: ['frontal', 'occipital'],
  paint: ({ canvas, rng }) => {
    paint(canvas, ellipse(0, 0.02, 0.82, 0.96), [0.55]);
    paint(canvas, ellipse(0, 0.02, 0.76, 0.9), [0.05]);
    paint(canvas, brain, [near(rng, 0.4, 0.04)]);
    paint(canvas, ellipse(-0.31, 0.02, 0.24, 0.58, { edge: 0.14 }), [0.52]);
    paint(canvas, ellipse(0.31, 0.02, 0.24, 0.58, { edge: 0.14 }), [0.52]);
    mottle(canvas, rng, brain, 16, 0.16);
    paint(canvas, stroke(0, -0.78, 0, 0.8, 0.04), [0.15], 0.8);
    ventricles({ canvas }, 0.065, 0.24);
  },
  findings: [
    {
      name: 'tumor',
      plural: 'tumors',
      article: 'a',
      synonyms: ['brain tumor', 'mass', 'brain mass'],
      attributes: ['side', 'level', 'size'],
      maxCount: 1,
      paint: (scene) => {
        const radius = bySize(scene, 0.14, 0.25);
        const x = facing(scene.side) * near(scene.rng, 0.34, 0.03);
        const y = near(scene.rng, scene.level === 0 ? -0.38 : 0.42, 0.04);
        paint(scene.canvas, ellipse(x, y, radius), [0.95], scene.contrast);
        paint(scene.canvas, ellipse(x, y, radius * 0.5), [0.3], scene.contrast);
      },
    },
    {
      name: 'infarct',
      plural: 'infarcts',
      article: 'an',
      synonyms: ['stroke', 'brain infarct'],
      attributes: ['side', 'level'],
      maxCount: 1,
      paint: ({ canvas, rng, side, level, contrast }) => {
        const y = near(rng, level === 0 ? -0.42 : 0.46, 0.04);
        const wedge = ellipse(facing(side) * 0.56, y, 0.34, 0.27);
        paint(canvas, intersect(wedge, brain), [0.92], contrast * 0.9);
      },
    },
    {
      name: 'white matter lesion',
      plural: 'white matter lesions',
      article: 'a',
      synonyms: ['bright lesion', 'white matter spot', 'lesion'],
      attributes: ['count'],
      maxCount: 4,
      paint: ({ canvas, rng, count, contrast }) => {
        for (const { x, y } of spread(rng, count, { x: 0, y: 0, width: 1.1, height: 1.2 }, 2, 3)) {
          paint(canvas, ellipse(x, y, 0.075), [1], contrast);
        }
      },
    },
    {
      name: 'hydrocephalus',
      plural: 'hydrocephalus',
      article: '',
      synonyms: ['enlarged ventricles', 'large ventricles'],
      attributes: [],
      maxCount: 1,
      paint: ({ canvas, rng }) => ventricles({ canvas }, near(rng, 0.17, 0.015), 0.36),
    },
  ],
};

function ventricles({ canvas }: Pick<Scene, 'canvas'>, width: number, height: number): void {
  paint(canvas, ellipse(-width - 0.05, -0.02, width, height, { tilt: -0.2 }), [0.06]);
  paint(canvas, ellipse(width + 0.05, -0.02, width, height, { tilt: 0.2 }), [0.06]);
}
