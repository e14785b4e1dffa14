/** Bounds of the memory of one image token, in config.json and in the image processor's settings. */
import { z } from 'zod';

export const patchSide = z.int().positive().max(128);
export const fewFrames = z.int().positive().max(8);
export const fewPatches = z.int().positive().max(8);
