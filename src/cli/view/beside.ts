/** `--view`: the page of `medix view` beside a run, while it lasts. */
import { dirname } from 'node:path';
import { systemClock } from '../../core/async/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { serveView } from '../../server/view/serve.ts';
import type { CommandContext } from '../command.ts';

/**
 * Serves the folder that the run lies in until the work has ended.
 * @throws MedixError before the work begins, where the page cannot be served
 */
export async function withView<T>(
  isWanted: boolean,
  out: string,
  { terminal, clock }: CommandContext,
  work: () => Promise<T>,
): Promise<T> {
  if (!isWanted) return work();
  const stop = new AbortController();
  let serving: Promise<void> | undefined;
  await new Promise<void>((resolve, reject) => {
    serving = serveView(
      {
        folders: [dirname(out)],
        port: 0,
        clock: systemClock,
        wallClock: clock,
        onListening: (link) => {
          terminal.print(`watch it at ${link}`);
          resolve();
        },
        onFailure: (error) => terminal.print(`the page failed: ${messageOf(error)}`),
      },
      stop.signal,
    );
    serving.catch(reject);
  });
  try {
    return await work();
  } finally {
    stop.abort();
    await serving;
    terminal.print(`to look at it again: medix view ${out}`);
  }
}
