/** Starts engine-thread.ts: the file beside this one, or what rolldown.config.ts makes of it. */
import { Worker } from 'node:worker_threads';
import { locatePeer } from '../../../config/optional-peer.ts';

export function startEngineThread(): Worker {
  const own = import.meta.url;
  const isSource = own.endsWith('.ts');
  const file = new URL(isSource ? './engine-thread.ts' : '../parts/engine-thread.js', own);
  // What this process was started with, e.g. --eval or a loader of the user's own, is not for the thread.
  return new Worker(isSource ? fromSource(file) : file, { execArgv: [] });
}

/** `tsx` as an argument of Node does not read what a thread imports. */
function fromSource(file: URL): URL {
  const tsx = locatePeer('tsx/esm/api')?.replace(/\.cjs$/, '.mjs');
  const code = `import { register } from '${tsx}'; register(); await import('${file.href}');`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
