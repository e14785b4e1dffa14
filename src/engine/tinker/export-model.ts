/** Weights that a server lets go: the archive of a checkpoint, unpacked into a folder. */
import { fail } from '../../core/errors.ts';
import type { TinkerClient } from '../../tinker/client.ts';
import type { TrainingModel } from '../../tinker/training-model.ts';

/** @throws MedixError 'engine' where the server offers no archive; it says where the weights are */
export async function exportFrom(
  client: TinkerClient,
  model: TrainingModel,
  directory: string,
  name: string,
): Promise<void> {
  const path = await model.saveForSampler('export');
  fail('engine', {
    where: directory,
    expected: `the weights of ${name} from ${client.server}`,
    got: `none: they are on the server as ${path}`,
    next: 'fetch them from there (docs/remote-engines.md says how), or train on with engine.checkpoint',
  });
}
