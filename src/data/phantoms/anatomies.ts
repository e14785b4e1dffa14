import { abdominalCt } from './anatomies/abdominal-ct.ts';
import { bloodSmear } from './anatomies/blood-smear.ts';
import { brainMri } from './anatomies/brain-mri.ts';
import { chestXRay } from './anatomies/chest-x-ray.ts';
import { endoscopy } from './anatomies/endoscopy.ts';
import { fundus } from './anatomies/fundus.ts';
import { mammogram } from './anatomies/mammogram.ts';
import { ultrasound } from './anatomies/ultrasound.ts';
import type { Anatomy } from './anatomy.ts';

export const anatomies: readonly Anatomy[] = [
  chestXRay,
  abdominalCt,
  brainMri,
  ultrasound,
  fundus,
  bloodSmear,
  mammogram,
  endoscopy,
];
