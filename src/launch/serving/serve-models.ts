/** Local `vllm serve` processes: started, waited for, and stopped together. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { linkSignals } from '../../core/async/abort.ts';
import type { Clock } from '../../core/async/clock.ts';
import { fail, messageOf } from '../../core/errors.ts';
import { readText } from '../../core/files.ts';

export type ServedModel = {
  /** What it is for, e.g. `judge`; also the name of its log. */
  readonly role: string;
  readonly model: string;
  readonly port: number;
  /** Further words of its command line. */
  readonly words: readonly string[];
};

export type Serving = {
  /** Rejects with what happened when a server dies. */
  readonly died: Promise<never>;
  /** Ends all of them. */
  stop(): Promise<void>;
};

export type ServeOptions = {
  /** Command before `serve`, e.g. `vllm`. */
  readonly command: string;
  readonly logs: string;
  /** Milliseconds until all must answer. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly onReady: (model: ServedModel) => void;
};

const pauseMs = 200;
const graceMs = 10_000;
const shownCharacters = 800;

/**
 * Starts all and waits until each answers at `/health`.
 * @throws MedixError 'engine' where a port is taken (before anything is started), the command is missing, a server
 *   dies (with the end of its log) or does not answer in time; what was started is stopped then.
 */
export async function serveModels(
  models: readonly ServedModel[],
  options: ServeOptions,
): Promise<Serving> {
  for (const model of models) await requireFree(model);
  await mkdir(options.logs, { recursive: true });
  const children = models.map((model) => startServer(model, options));
  const died = Promise.race(children.map(({ died }) => died));
  died.catch(() => {});
  const stop = async () => {
    await Promise.all(children.map((child) => child.stop()));
  };
  // What still asks whether a server is up must not outlive a start that failed.
  const starting = linkSignals(options.signal);
  try {
    const startedAt = options.clock.now();
    const asking = { ...options, signal: starting.signal };
    await Promise.race([
      died,
      Promise.all(models.map((model) => untilHealthy(model, startedAt, asking))),
    ]);
    options.signal.throwIfAborted();
    starting.unlink();
    return { died, stop };
  } catch (error) {
    starting.abort();
    await stop();
    throw error;
  }
}

async function requireFree({ role, port }: ServedModel): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  } catch (error) {
    fail('engine', {
      where: `port ${port} of the ${role}`,
      expected: 'a free port',
      got: messageOf(error),
      next: `end what listens there, or give another port: --${role}-port`,
    });
  }
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

function startServer({ role, model, port, words }: ServedModel, options: ServeOptions) {
  const log = join(options.logs, `${role}.log`);
  const argv = ['serve', model, '--host', '127.0.0.1', '--port', String(port), ...words];
  const child = spawn(options.command, argv, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const file = createWriteStream(log);
  child.stdout?.pipe(file, { end: false });
  child.stderr?.pipe(file, { end: false });
  let isStopping = false;
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(messageOf(error)));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const died = ended.then(async (how): Promise<never> => {
    await new Promise<void>((resolve) => file.end(() => resolve()));
    if (isStopping) return new Promise<never>(() => {});
    const text = await readText(log).catch(() => '');
    return fail('engine', {
      where: `${options.command} for the ${role} (${model})`,
      expected: 'a server that keeps running',
      got: `its end (${how}); the last lines of ${log}:\n${text.slice(-shownCharacters).trim() || 'nothing'}`,
      next: how.includes('ENOENT')
        ? 'install vLLM, or name its command with --command'
        : 'correct what the log names',
    });
  });
  died.catch(() => {});
  return {
    died,
    stop: async () => {
      isStopping = true;
      await endGroup(child, ended);
    },
  };
}

/** vLLM has processes of its own: the group gets the signal, and is killed where it does not go. */
async function endGroup(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const signalGroup = (signal: NodeJS.Signals) => {
    try {
      process.kill(-(child.pid ?? 0), signal);
    } catch {
      // It is gone.
    }
  };
  signalGroup('SIGTERM');
  const timer = setTimeout(() => signalGroup('SIGKILL'), graceMs);
  await ended;
  clearTimeout(timer);
}

async function untilHealthy(
  model: ServedModel,
  startedAt: number,
  { deadlineMs, signal, clock, onReady }: ServeOptions,
): Promise<void> {
  while (!signal.aborted) {
    const isUp = await fetch(`http://127.0.0.1:${model.port}/health`, { signal }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return onReady(model);
    if (clock.now() - startedAt > deadlineMs) {
      fail('engine', {
        where: `${model.role} (${model.model})`,
        expected: `an answer at /health within ${Math.round(deadlineMs / 1000)} s`,
        got: 'none',
        next: 'see its log; large models take longer: raise --timeout',
      });
    }
    await clock.sleep(pauseMs, signal);
  }
}
