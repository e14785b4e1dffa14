/** Names inside a run directory that the writer and the reader share. */
import { join } from 'node:path';

/** Training and validation rollouts of an iteration are kept apart. */
export type RolloutsKind = 'training' | 'validation';

/** Where an iteration's rollouts are kept. */
export function rolloutsFile(runDirectory: string, iteration: number, kind: RolloutsKind): string {
  const prefix = kind === 'validation' ? 'validation-' : '';
  return join(runDirectory, 'rollouts', `${prefix}${String(iteration).padStart(6, '0')}.jsonl`);
}

/** The iteration of a file of rollouts by its name; undefined where it is none of that kind. */
export function iterationOf(name: string, kind: RolloutsKind): number | undefined {
  const [, prefix, digits] = /^(validation-)?(\d+)\.jsonl$/.exec(name) ?? [];
  const isKind = (kind === 'validation') === (prefix !== undefined);
  return digits !== undefined && isKind ? Number(digits) : undefined;
}
