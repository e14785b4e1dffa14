import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readEvents } from '../run/run-reader.ts';
import { RunWriter } from '../run/run-writer.ts';
import { createObservers, observing, type RunEnd, type RunObserver } from './observers.ts';

async function observed(others: readonly RunObserver[], work: 'ends' | 'fails' | 'is stopped') {
  const directory = join(await mkdtemp(join(tmpdir(), 'medix-observers-')), 'run');
  const run = await RunWriter.create(
    directory,
    { kind: 'train', config: {}, facts: {} },
    [],
    () => 0,
  );
  const observers = createObservers(run, false, others);
  const controller = new AbortController();
  const done = observing(observers, controller.signal, async () => {
    for (const iteration of [1, 2, 3]) {
      await observers.iteration({ iteration, iterations: 3, values: { loss: 0 } });
    }
    if (work === 'is stopped') controller.abort();
    if (work !== 'ends') throw new Error('broken');
  });
  if (work === 'ends') await done;
  else await expect(done).rejects.toThrow('broken');
  await run.close('finished');
  return readEvents(directory);
}

test('an observer that fails is told once, then counted, and never stops the run', async () => {
  const fails = {
    name: 'tracker',
    iteration: () => Promise.reject(new Error('no connection')),
  };
  const once = {
    name: 'other',
    iteration: ({ iteration }: { readonly iteration: number }) => {
      if (iteration === 2) throw new Error('hiccup');
    },
  };
  expect(await observed([fails, once], 'ends')).toMatchObject([
    { kind: 'observer-failed', iteration: 1, name: 'tracker', message: 'no connection' },
    { kind: 'observer-failed', iteration: 2, name: 'other', message: 'hiccup' },
    { kind: 'observer-failures', iteration: 3, name: 'tracker', times: 3 },
  ]);
});

test('observers hear last of all how the work ended', async () => {
  const heard: RunEnd[] = [];
  const listener = { name: 'listener', ended: (how: RunEnd) => void heard.push(how) };
  await observed([listener], 'ends');
  await observed([listener], 'fails');
  await observed([listener], 'is stopped');
  expect(heard).toEqual(['finished', 'failed', 'stopped']);
});
