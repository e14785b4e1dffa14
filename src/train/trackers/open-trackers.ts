/** Who else is told of a run, as its config says. */
import { basename, join, resolve } from 'node:path';
import type { TrackConfig } from '../../config/track-config.ts';
import type { WallClock } from '../../core/async/clock.ts';
import type { RunObserver } from '../observers.ts';
import { mlflowTracker } from './mlflow.ts';
import { tensorboardTracker } from './tensorboard.ts';
import { wandbTracker } from './wandb.ts';

type TrackedConfig = Readonly<Record<string, unknown>> & {
  readonly out: string;
  readonly track: TrackConfig;
};

/**
 * Nothing is written or sent before the run has something to tell.
 * @param apiKey of the MLflow server
 * @throws MedixError 'config' where an address cannot be used
 */
export function openTrackers(
  config: TrackedConfig,
  { apiKey, clock }: { readonly apiKey: string | undefined; readonly clock: WallClock },
): RunObserver[] {
  const { out } = config;
  const { tensorboard, mlflow, wandb } = config.track;
  const runName = basename(resolve(out));
  const trackers: RunObserver[] = [];
  if (tensorboard !== false) {
    const folder = tensorboard === true ? join(out, 'tensorboard') : tensorboard;
    trackers.push(tensorboardTracker(folder, clock));
  }
  if (mlflow !== null) {
    const { url, experiment } = mlflow;
    const stateFile = join(out, 'trackers', 'mlflow.json');
    const key = apiKey === undefined ? {} : { apiKey };
    trackers.push(mlflowTracker({ url, experiment, ...key, runName, config, stateFile, clock }));
  }
  if (wandb !== null) trackers.push(wandbTracker({ out, ...wandb, runName, clock }));
  return trackers;
}
