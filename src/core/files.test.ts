import { execFileSync } from 'node:child_process';
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  entriesBelow,
  entriesOf,
  foundAt,
  lengthOf,
  linkAt,
  openRegular,
  openToAppend,
  readBytes,
  readText,
  realPathOf,
  streamFile,
} from './files.ts';

let folder: string;
const path = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-files-'));
  await writeFile(path('text'), '\uFEFFgrün\n');
  await writeFile(path('latin'), 'gr\u00fcn', 'latin1');
  await writeFile(path('empty'), '');
  await mkdir(path('folder'));
  await symlink('text', path('to-text'));
  await symlink('nothing', path('to-nothing'));
  await symlink('loop', path('loop'));
  execFileSync('/usr/bin/mkfifo', [path('pipe')]);
});
afterAll(() => rm(folder, { recursive: true }));

async function gathered(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Each of the ways to read a file. */
const readers = {
  readText: (file: string) => readText(file),
  readBytes: (file: string) => readBytes(file),
  streamFile: (file: string) => gathered(streamFile(file)),
  lengthOf: (file: string) => lengthOf(file),
  openRegular: async (file: string) => (await openRegular(file)).close(),
} as const;

const unreadable = {
  nothing: 'no such file or folder',
  'to-nothing': 'no such file or folder',
  'text/below': 'a path that leads through a file',
  folder: 'a folder',
  pipe: 'a pipe, socket or device',
  loop: 'a symbolic link that leads back to itself',
  ['n'.repeat(300)]: 'a name that is too long',
  'a\0b': 'a name with a NUL character',
  '/dev/zero': 'a pipe, socket or device',
  '/dev/null': 'a pipe, socket or device',
} as const;

describe.each(Object.entries(readers))('%s', (_, read) => {
  it.each(Object.entries(unreadable))('refuses %s at once', async (name, got) => {
    const file = name.startsWith('/') ? name : path(name);
    await expect(read(file)).rejects.toMatchObject({
      name: 'MedixError',
      problems: [{ where: file, got: expect.stringContaining(got) }],
    });
  });
});

describe('a file', () => {
  it('is read whole, its byte order mark kept', async () => {
    expect(await readText(path('to-text'))).toBe('\uFEFFgrün\n');
    expect(await readBytes(path('empty'))).toHaveLength(0);
    expect(await gathered(streamFile(path('text')))).toEqual(await readFile(path('text')));
    expect(await lengthOf(path('text'))).toBe(9);
  });

  it('that is long comes in pieces', async () => {
    const bytes = Buffer.alloc(1_000_003, 'abc');
    await writeFile(path('long'), bytes);
    expect(await gathered(streamFile(path('long')))).toEqual(bytes);
  });

  it.skipIf(process.platform !== 'linux')(
    'is closed also where not all of it is read',
    async () => {
      for await (const _ of streamFile(path('text'))) break;
      const open = (await readdir('/proc/self/fd')).map((name) =>
        readlink(`/proc/self/fd/${name}`).catch(() => ''),
      );
      expect(await Promise.all(open)).not.toContain(path('text'));
    },
  );

  it('that is longer than it may be is refused before it is read', async () => {
    await expect(readBytes(path('text'), 8)).rejects.toThrow(/got a file of 9 bytes, over 8/);
  });

  it('of other bytes than UTF-8 is no text', async () => {
    await expect(readText(path('latin'))).rejects.toThrow(/got bytes that are not UTF-8/);
  });

  it('of the system, whose length is not known, is not waited for', async () => {
    expect(await readBytes('/proc/self/environ')).toHaveLength(0);
  });

  it('may be no link where links are refused', async () => {
    await expect(openRegular(path('to-text'), 'refused')).rejects.toThrow(/symbolic link/);
  });

  it('grows by what is appended, and is made where it is not there', async () => {
    for (const line of ['one\n', 'two\n']) {
      const file = await openToAppend(path('lines'));
      await file.appendFile(line);
      await file.close();
    }
    await appendFile(path('lines'), 'three\n');
    expect(await readText(path('lines'))).toBe('one\ntwo\nthree\n');
    await expect(openToAppend(path('pipe'))).rejects.toThrow('a pipe, socket or device');
    await expect(openToAppend('/dev/full')).rejects.toThrow('a pipe, socket or device');
  });
});

describe('a path', () => {
  it('leads to a file, a folder, something else or nothing', async () => {
    const found = ['to-text', 'folder', 'pipe', 'to-nothing', 'text/below'].map((name) =>
      foundAt(path(name)),
    );
    expect(await Promise.all(found)).toEqual(['file', 'folder', 'other', 'missing', 'missing']);
    await expect(foundAt(path('loop'))).rejects.toThrow(/leads back to itself/);
  });

  it('is taken by a link too, wherever that leads', async () => {
    const found = ['to-nothing', 'loop', 'text', 'nothing'].map((name) => linkAt(path(name)));
    expect(await Promise.all(found)).toEqual(['link', 'link', 'entry', 'missing']);
  });

  it('is followed to its end', async () => {
    expect(await realPathOf(path('to-text'))).toBe(await realPathOf(path('text')));
    await expect(realPathOf(path('loop'))).rejects.toThrow(/leads back to itself/);
  });

  it('of a folder gives what is in it', async () => {
    expect((await entriesOf(folder)).map(({ name }) => name)).toContain('pipe');
    await expect(entriesOf(path('text'))).rejects.toThrow(/a path that leads through a file/);
    await expect(entriesBelow(path('nothing'))).rejects.toThrow(/no such file or folder/);
  });
});

/** Root may read everything, so that another user has to try. */
const canStepDown = process.getuid?.() === 0 && process.seteuid !== undefined;

describe.skipIf(process.getuid?.() === 0 && !canStepDown)('without permission', () => {
  async function asStranger<T>(work: () => Promise<T>): Promise<T> {
    if (canStepDown) process.seteuid?.(65534);
    try {
      return await work();
    } finally {
      if (canStepDown) process.seteuid?.(0);
    }
  }

  it('files and folders are refused', async () => {
    const closed = path('closed');
    await mkdir(closed, { mode: 0o000 });
    await writeFile(path('secret'), 'x', { mode: 0o000 });
    const refusals = await asStranger(() =>
      Promise.allSettled([readText(path('secret')), entriesOf(closed), foundAt(join(closed, 'x'))]),
    );
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ reason: { problems: [{ got: 'no permission (EACCES)' }] } });
    }
  });
});
