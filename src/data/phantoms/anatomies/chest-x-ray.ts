import { type Anatomy, bySize, facing, near, type Scene, type Side, spread } from '../anatomy.ts';
import { below, ellipse, intersect, mottle, paint, stroke } from '../canvas.ts';

const lungX = 0.43;
const lung = (side: Side) => ellipse(facing(side) * lungX, -0.05, 0.32, 0.62);

/** A frontal chest film: the patient faces the viewer, so the heart's apex points to image right. */
export const chestXRay: Anatomy = {
  modality: 'X_RAY',
  channels: 1,
  background: [0.06],
  view: 'chest X-ray',
  sided: 'lung',
  sideIsOfView: false,
  levelled: 'lung',
  levels: ['upper', 'lower'],
  paint: ({ canvas, rng }) => {
    paint(canvas, ellipse(0, 0.4, 0.98, 1.25, { edge: 0.12 }), [near(rng, 0.55, 0.05)]);
    paint(canvas, lung('left'), [0.16]);
    paint(canvas, lung('right'), [0.16]);
    for (let rib = 0; rib < 5; rib++) {
      const y = -0.55 + rib * 0.24;
      paint(canvas, stroke(-0.1, y - 0.12, -0.78, y + 0.08, 0.04), [0.6], 0.25);
      paint(canvas, stroke(0.1, y - 0.12, 0.78, y + 0.08, 0.04), [0.6], 0.25);
    }
    paint(canvas, stroke(0, -0.9, 0, 0.95, 0.16), [0.68]);
    paint(canvas, ellipse(0.13, 0.32, near(rng, 0.24, 0.02), 0.25), [0.74]);
    paint(canvas, ellipse(-lungX, 0.78, 0.42, near(rng, 0.26, 0.03)), [0.66]);
    paint(canvas, ellipse(lungX, 0.82, 0.42, near(rng, 0.26, 0.03)), [0.66]);
    mottle(canvas, rng, ellipse(0, 0, 1.2), 9, 0.1);
  },
  findings: [
    {
      name: 'opacity',
      plural: 'opacities',
      article: 'an',
      synonyms: ['lung opacity', 'consolidation', 'infiltrate'],
      attributes: ['side', 'level'],
      maxCount: 1,
      paint: ({ canvas, rng, side, level, contrast }) => {
        const x = facing(side) * near(rng, lungX + 0.02, 0.04);
        const y = near(rng, level === 0 ? -0.4 : 0.22, 0.05);
        paint(canvas, ellipse(x, y, 0.23, 0.2, { edge: 0.16 }), [0.85], contrast * 0.9);
      },
    },
    {
      name: 'pleural effusion',
      plural: 'pleural effusions',
      article: 'a',
      synonyms: ['effusion', 'pleural fluid', 'fluid'],
      attributes: ['side', 'size'],
      maxCount: 1,
      paint: (scene) => {
        const fluid = intersect(lung(scene.side), below(bySize(scene, 0.28, -0.16)));
        paint(scene.canvas, fluid, [0.88], scene.contrast);
      },
    },
    {
      name: 'nodule',
      plural: 'nodules',
      article: 'a',
      synonyms: ['lung nodule', 'pulmonary nodule'],
      attributes: ['side', 'count'],
      maxCount: 4,
      paint: (scene) => nodules(scene),
    },
    {
      name: 'cardiomegaly',
      plural: 'cardiomegaly',
      article: '',
      synonyms: ['enlarged heart', 'large heart'],
      attributes: [],
      maxCount: 1,
      paint: ({ canvas, rng }) => {
        paint(canvas, ellipse(0.12, 0.28, near(rng, 0.46, 0.03), 0.33), [0.76]);
      },
    },
  ],
};

function nodules({ canvas, rng, side, count, contrast }: Scene): void {
  const box = { x: facing(side) * lungX, y: -0.1, width: 0.42, height: 1 };
  for (const { x, y } of spread(rng, count, box, 1, 4)) {
    paint(canvas, ellipse(near(rng, x, 0.08), y, 0.08), [0.97], contrast);
  }
}
