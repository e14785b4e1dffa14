import { type Anatomy, facing, near, type Scene, spread } from '../anatomy.ts';
import { ellipse, mottle, paint, stroke } from '../canvas.ts';

/** The optic disc lies towards the nose, which a left eye shows at image left. */
const discX = (scene: Scene) => -facing(scene.side) * 0.46;

/** A photograph of the back of one eye. */
export const fundus: Anatomy = {
  modality: 'FUNDUS_PHOTOGRAPHY',
  channels: 3,
  background: [0.02, 0.01, 0.01],
  view: 'fundus photograph',
  sided: 'eye',
  sideIsOfView: true,
  levelled: 'retina',
  levels: ['upper', 'lower'],
  paint: (scene) => {
    const { canvas, rng } = scene;
    const x = discX(scene);
    const retina = ellipse(0, 0, 0.95);
    paint(canvas, retina, [near(rng, 0.78, 0.06), near(rng, 0.38, 0.04), 0.16]);
    paint(canvas, ellipse(-x * 0.7, 0.04, 0.26, 0.26, { edge: 0.25 }), [0.5, 0.2, 0.08], 0.8);
    mottle(canvas, rng, retina, 8, 0.1);
    for (const direction of [-1, 1]) vessel(scene, x, direction);
    paint(canvas, ellipse(x, 0, 0.16, 0.18), [0.98, 0.8, 0.45]);
    paint(canvas, ellipse(x, 0, 0.06), [1, 0.95, 0.8]);
  },
  findings: [
    {
      name: 'hemorrhage',
      plural: 'hemorrhages',
      article: 'a',
      synonyms: ['retinal hemorrhage', 'retinal bleeding'],
      attributes: ['side', 'level', 'count'],
      maxCount: 4,
      paint: (scene) => spots(scene, [0.3, 0.02, 0.03], 0.075),
    },
    {
      name: 'exudate',
      plural: 'exudates',
      article: 'an',
      synonyms: ['hard exudate', 'yellow exudate', 'retinal exudate'],
      attributes: ['side', 'level', 'count'],
      maxCount: 4,
      paint: (scene) => spots(scene, [1.05, 0.95, 0.5], 0.075),
    },
    {
      name: 'glaucoma',
      plural: 'glaucoma',
      article: '',
      synonyms: ['large cup', 'enlarged cup', 'optic disc cupping'],
      attributes: ['side'],
      maxCount: 1,
      paint: (scene) => {
        const x = discX(scene);
        paint(scene.canvas, ellipse(x, 0, 0.23, 0.25), [0.98, 0.8, 0.45]);
        paint(scene.canvas, ellipse(x, 0, near(scene.rng, 0.17, 0.01)), [1.05, 1.05, 0.98]);
      },
    },
  ],
};

/** One arcade from the disc around the macula, as three strokes. */
function vessel({ canvas, rng }: Scene, x: number, direction: number): void {
  const bend = near(rng, 0.5, 0.05);
  const points = [
    [x, 0],
    [x * 0.6, direction * bend * 0.75],
    [-x * 0.3, direction * bend * 1.1],
    [-x * 1.3, direction * bend * 0.9],
  ] as const;
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1]!;
    const [x1, y1] = points[i]!;
    paint(canvas, stroke(x0, y0, x1, y1, 0.05), [0.5, 0.12, 0.06], 0.75);
  }
}

function spots(scene: Scene, ink: readonly number[], radius: number): void {
  const { canvas, rng, level, count, contrast } = scene;
  const box = { x: -discX(scene) * 0.25, y: level === 0 ? -0.44 : 0.44, width: 0.9, height: 0.6 };
  for (const { x, y } of spread(rng, count, box, 3, 2))
    paint(canvas, ellipse(x, y, radius), ink, contrast);
}
