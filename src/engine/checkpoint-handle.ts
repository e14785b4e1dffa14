import { fail } from '../core/errors.ts';
import type { CheckpointHandle } from './engine.ts';

/** @throws MedixError 'engine' where another kind of engine made the checkpoint */
export function requireOwnHandle(handle: CheckpointHandle, engine: string, folder: string): void {
  if (handle.engine === engine) return;
  fail('engine', {
    where: folder,
    expected: `a checkpoint of the ${engine} engine`,
    got: `one of the ${handle.engine} engine`,
    next: `resume with engine.kind=${handle.engine}`,
  });
}
