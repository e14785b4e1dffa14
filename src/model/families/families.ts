/** The families of models whose networks are computed here. */
import type { FamilyName } from '../geometry.ts';
import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { qwen2 } from './qwen2.ts';
import { qwen2_5Vl } from './qwen2-5-vl.ts';
import { qwen3 } from './qwen3.ts';
import { qwen3Vl } from './qwen3-vl.ts';

export const families: Readonly<Record<FamilyName, Family>> = {
  qwen3_vl: qwen3Vl,
  qwen2_5_vl: qwen2_5Vl,
  qwen3,
  qwen2,
  llama,
};

/** For messages: "dense Qwen3-VL, …". */
export const familiesRead = Object.values(families)
  .map(({ what }) => what)
  .join(', ');

export function familyNamed(modelType: unknown): Family | undefined {
  return typeof modelType === 'string' && Object.hasOwn(families, modelType)
    ? families[modelType as FamilyName]
    : undefined;
}
