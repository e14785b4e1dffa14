import type { Score } from '../core/outcome.ts';

/** The four signals of MediX-R1 (arXiv 2602.23363), in the order of their weights. */
export const componentNames = ['judge', 'similarity', 'modality', 'format'] as const;
export type ComponentName = (typeof componentNames)[number];

export type Components = Readonly<Record<ComponentName, Score>>;

/** A yes-or-no signal: 1 or 0. `detail` says why, for the record. */
export function binaryScore(holds: boolean, detail?: string): Score {
  return { kind: 'scored', value: holds ? 1 : 0, ...(detail === undefined ? {} : { detail }) };
}
