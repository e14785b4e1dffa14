/** Whether changes on disk reach the page, and passing them on. */
import { useSyncExternalStore } from 'react';
import type { ChangeEvent } from '../../../src/server/view/wire.ts';
import { isCopy } from './questions.ts';
import { askAgain, changed } from './store.ts';

export type Connection = 'live' | 'connecting' | 'lost' | 'copy';

let connection: Connection = isCopy ? 'copy' : 'connecting';
const listeners = new Set<() => void>();

function become(next: Connection): void {
  connection = next;
  for (const listener of listeners) listener();
}

/** Called once, by the page's start. The browser connects again by itself. */
export function listen(): void {
  if (isCopy) return;
  const stream = new EventSource('/api/events');
  let wasLost = false;
  stream.addEventListener('open', () => {
    become('live');
    // What changed meanwhile was told to nobody.
    if (wasLost) askAgain();
    wasLost = false;
  });
  stream.addEventListener('error', () => {
    wasLost = true;
    become('lost');
  });
  stream.addEventListener('change', (event: MessageEvent<string>) => {
    changed(JSON.parse(event.data) as ChangeEvent);
  });
}

export function useConnection(): Connection {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => connection,
  );
}
