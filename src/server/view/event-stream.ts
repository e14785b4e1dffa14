/** The changes on disk as server-sent events, with a sign of life while nothing changes. */
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { ViewData } from './view-data.ts';

export function streamChanges(
  c: Context,
  subscribe: ViewData['subscribe'],
  heartbeatMs: number,
): Response {
  return streamSSE(c, async (stream) => {
    const waiting: string[] = [];
    let isOpen = true;
    let wake = () => {};
    const stop = subscribe((event) => {
      waiting.push(JSON.stringify(event));
      wake();
    });
    const beat = setInterval(() => wake(), heartbeatMs);
    stream.onAbort(() => {
      isOpen = false;
      wake();
    });
    try {
      await stream.write(': open\n\n');
      while (isOpen) {
        for (const data of waiting.splice(0)) await stream.writeSSE({ event: 'change', data });
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (waiting.length > 0 || !isOpen) resolve();
        });
        if (isOpen && waiting.length === 0) await stream.write(': here\n\n');
      }
    } finally {
      clearInterval(beat);
      stop();
    }
  });
}
