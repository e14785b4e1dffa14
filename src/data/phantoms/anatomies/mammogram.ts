import { type Anatomy, bySize, facing, near, type Scene, spread } from '../anatomy.ts';
import { ellipse, intersect, mottle, paint, region, stroke } from '../canvas.ts';

/** 1 where the nipple points to image right. A left breast does; its chest wall lies at image left. */
const pointing = ({ side }: Pick<Scene, 'side'>) => facing(side);

/** An oblique view of one breast, hung as is usual: left breast pointing right. */
export const mammogram: Anatomy = {
  modality: 'MAMMOGRAPHY',
  channels: 1,
  background: [0.02],
  view: 'mammogram',
  sided: 'breast',
  sideIsOfView: true,
  levelled: 'breast',
  levels: ['upper', 'lower'],
  paint: (scene) => {
    const { canvas, rng } = scene;
    const wall = -pointing(scene);
    const front = region((x) => Math.max(0, Math.min(1, (0.95 - x * wall) / 0.05)));
    const skin = ellipse(wall * 0.95, 0.08, near(rng, 1.45, 0.06), 0.88, { edge: 0.1 });
    paint(canvas, intersect(skin, front), [0.3]);
    const gland = ellipse(wall * 0.35, 0.08, near(rng, 0.62, 0.05), 0.6, { edge: 0.3 });
    paint(canvas, intersect(gland, skin), [near(rng, 0.44, 0.04)]);
    mottle(canvas, rng, skin, 10, 0.22);
    paint(canvas, stroke(wall * 0.98, -1.1, wall * 0.98, -0.35, 0.3), [0.7], 0.9);
  },
  findings: [
    {
      name: 'mass',
      plural: 'masses',
      article: 'a',
      synonyms: ['breast mass', 'tumor', 'breast tumor'],
      attributes: ['side', 'level', 'size'],
      maxCount: 1,
      paint: (scene) => {
        const { x, y } = placeOf(scene);
        const shape = ellipse(x, y, bySize(scene, 0.13, 0.24), undefined, { edge: 0.1 });
        paint(scene.canvas, shape, [0.98], scene.contrast);
      },
    },
    {
      name: 'calcifications',
      plural: 'calcifications',
      article: '',
      synonyms: ['microcalcifications', 'calcification', 'calcium'],
      attributes: ['side', 'level'],
      maxCount: 1,
      paint: (scene) => {
        const { canvas, rng, contrast } = scene;
        const box = { ...placeOf(scene), width: 0.5, height: 0.44 };
        for (const { x, y } of spread(rng, 9, box, 4, 4)) {
          paint(canvas, ellipse(x, y, 0.032, 0.032, { edge: 0.02 }), [1.3], contrast);
        }
      },
    },
    {
      name: 'lymph node',
      plural: 'lymph nodes',
      article: 'a',
      synonyms: ['enlarged lymph node', 'node'],
      attributes: ['side'],
      maxCount: 1,
      paint: (scene) => {
        const { canvas, rng, contrast } = scene;
        const x = -pointing(scene) * near(rng, 0.62, 0.04);
        const y = near(rng, -0.6, 0.05);
        paint(canvas, ellipse(x, y, 0.2, 0.15), [0.95], contrast);
        paint(canvas, ellipse(x, y, 0.08, 0.05), [0.2], contrast);
      },
    },
  ],
};

function placeOf(scene: Scene): { readonly x: number; readonly y: number } {
  const x = -pointing(scene) * near(scene.rng, 0.22, 0.12);
  return { x, y: near(scene.rng, scene.level === 0 ? -0.28 : 0.42, 0.05) };
}
