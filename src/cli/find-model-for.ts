/** The model that `--model` names, for commands without a config. */
import { localEngine } from '../config/engine-config.ts';
import { readHubAccess } from '../config/environment.ts';
import { systemClock } from '../core/async/clock.ts';
import { type FoundModel, findModel } from '../engine/find-model.ts';
import type { CommandContext } from './command.ts';

/** @throws MedixError as {@link findModel} */
export function findModelFor(
  model: string,
  { terminal, signal }: Pick<CommandContext, 'terminal' | 'signal'>,
): Promise<FoundModel> {
  const onProgress = (line: string) => terminal.showStatus(line);
  const access = { hub: readHubAccess(), clock: systemClock, onProgress };
  return findModel(localEngine, model, access, signal);
}
