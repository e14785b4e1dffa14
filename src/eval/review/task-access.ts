/** Where the tasks of a stored evaluation find their rows and images again. */
import { basename } from 'node:path';
import { evalConfigSchema } from '../../config/eval-config.ts';
import type { EvalManifest } from '../results/records.ts';
import type { TaskAccess } from '../tasks/task-source.ts';
import type { NamedTask } from './review-images.ts';

type Places = Pick<TaskAccess, 'hub' | 'cache'> & {
  /** By task id: places that replace those that the evaluation used. */
  readonly data: Readonly<Record<string, string>>;
  readonly images: Readonly<Record<string, string>>;
};

const usedSchema = evalConfigSchema.pick({ tasks: true, data: true, imageRoots: true }).partial();

/** @returns the task's id, or the path of its file where the evaluation named one. */
export function taskAccessOf(
  id: string,
  { config }: EvalManifest,
  { data, images, hub, cache }: Places,
): NamedTask {
  const { tasks = [], data: rows = {}, imageRoots = {} } = usedSchema.strip().parse(config);
  const file = tasks.find((name) => basename(name).replace(/\.ya?ml$/, '') === id);
  const place = data[id] ?? rows[id];
  const imageRoot = images[id] ?? imageRoots[id];
  return {
    taskId: file ?? id,
    ...(place === undefined ? {} : { data: place }),
    ...(imageRoot === undefined ? {} : { imageRoot }),
    hub,
    cache,
  };
}
