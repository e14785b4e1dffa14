/** Writes the metrics of a run as TensorBoard reads them. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { WallClock } from '../../core/async/clock.ts';
import { openToAppend } from '../../core/files.ts';
import { makeFolder } from '../../core/make-folder.ts';
import type { RunObserver } from '../observers.ts';
import { scalarRecord, startRecord, versionRecord } from './event-file.ts';

/**
 * Each process that writes the run begins a file of its own, which says from which iteration on: TensorBoard
 * then shows every iteration once, also where a resumed run did some of them again.
 * @param folder made where it is not there
 */
export function tensorboardTracker(folder: string, clock: WallClock): RunObserver {
  const seconds = () => clock() / 1000;
  let files = 0;
  let path: string | undefined;

  const append = async (iteration: number, record: Uint8Array) => {
    // TensorBoard reads the files of a folder in the order of their names.
    const begun = Math.floor(seconds()).toString().padStart(10, '0');
    const name = `events.out.tfevents.${begun}.${hostname()}.${process.pid}.${files}`;
    const target = path ?? join(folder, name);
    const head =
      path === undefined ? [versionRecord(seconds()), startRecord(seconds(), iteration)] : [];
    // What a write that fails leaves behind could not be read on: the next one begins another file.
    path = undefined;
    files++;
    await makeFolder(folder);
    const file = await openToAppend(target);
    try {
      await file.appendFile(Buffer.concat([...head, record]));
    } finally {
      await file.close();
    }
    path = target;
  };

  return {
    name: 'TensorBoard',
    iteration: async ({ iteration, values }) => {
      const known = Object.entries(values).flatMap(([key, value]) =>
        value === null ? [] : [[key, value] as const],
      );
      await append(iteration, scalarRecord(seconds(), iteration, known));
    },
  };
}
