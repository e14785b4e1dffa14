import { fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAnswerStore } from './answer-store.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-store-'));
});
afterAll(() => rm(folder, { recursive: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value);

describe('answer store', () => {
  it('gives back what was put, by kind and key, after it was closed', async () => {
    const path = join(folder, 'new', 'deep');
    const store = openAnswerStore(path);
    await store.put('verdict', 'k', bytes('v'));
    await store.put('vector', 'k', bytes('w'));
    expect(text(store.get('verdict', 'k'))).toBe('v');
    await store.close();
    const again = openAnswerStore(path);
    expect([again.get('verdict', 'k'), again.get('vector', 'k')].map(text)).toEqual(['v', 'w']);
    expect(again.get('verdict', 'other')).toBeUndefined();
    await again.close();
  });

  it('is shared by those who open it at once', async () => {
    const path = join(folder, 'shared');
    const [one, two] = [openAnswerStore(path), openAnswerStore(path)];
    await one.put('verdict', 'k', bytes('v'));
    expect(text(two.get('verdict', 'k'))).toBe('v');
    await one.close();
    expect(text(two.get('verdict', 'k'))).toBe('v');
    await two.close();
  });

  it('keeps what another process put before it was killed', async () => {
    const path = join(folder, 'killed');
    const script = join(folder, 'writer.mjs');
    const lmdb = import.meta.resolve('lmdb');
    await writeFile(
      script,
      `import { open } from ${JSON.stringify(lmdb)};
       const database = open({ path: ${JSON.stringify(path)}, noSubdir: false, encoding: 'binary' });
       await database.put('verdict:k', Buffer.from('v'));
       process.send('put');
       setInterval(() => {}, 1000);`,
    );
    const store = openAnswerStore(path);
    const child = fork(script, { execArgv: [] });
    await new Promise((resolve) => child.once('message', resolve));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(text(store.get('verdict', 'k'))).toBe('v');
    await store.put('verdict', 'l', bytes('w'));
    expect(text(store.get('verdict', 'l'))).toBe('w');
    await store.close();
  });

  it('takes ~ for the home directory', async () => {
    // Not joined: that would take ~ and .. for a pair that cancels out.
    const path = `~/${relative(homedir(), join(folder, 'home'))}`;
    const atHome = openAnswerStore(path);
    await atHome.put('vector', 'key', new Uint8Array([1, 2]));
    await atHome.close();
    const store = openAnswerStore(join(folder, 'home'));
    expect([...(store.get('vector', 'key') ?? [])]).toEqual([1, 2]);
    await store.close();
  });

  it('that cannot be opened is one clear error', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    for (const path of [file, join(file, 'below')]) {
      expect(() => openAnswerStore(path)).toThrow(
        /answer store .*: expected a folder .*; set the config field "cache"/,
      );
    }
  });
});
