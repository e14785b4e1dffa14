import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModule, ownPartSchema, requireShape } from './load-module.ts';

let folder = '';
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-modules-'));
  const files = {
    'mine.mjs': 'export const one = 1; export default 2;',
    'named.mjs': 'export const one = 1;',
    'empty.mjs': '',
    'broken.mjs': 'throw new Error("no such thing");',
    'typed.ts': 'export const one: object = {}; export default one;',
  };
  for (const [name, source] of Object.entries(files)) await writeFile(at(name), source);
});
afterAll(() => rm(folder, { recursive: true }));

describe('a module of the user', () => {
  it('gives the export after #, else the default one', async () => {
    expect((await loadModule(`${at('mine.mjs')}#one`, 'judge.module')).value).toBe(1);
    expect((await loadModule(at('mine.mjs'), 'judge.module')).value).toBe(2);
  });

  it('is found from the working directory', async () => {
    const path = relative(process.cwd(), at('mine.mjs'));
    expect((await loadModule(`${path}#one`, 'judge.module')).value).toBe(1);
  });

  it('may be TypeScript, and is loaded once', async () => {
    const one = await loadModule(`${at('typed.ts')}#one`, 'judge.module');
    expect(one.value).toEqual({});
    expect((await loadModule(at('typed.ts'), 'judge.module')).value).toBe(one.value);
  });

  it('has a digest of its file and of the export', async () => {
    const digests = [];
    for (const reference of ['mine.mjs#one', 'mine.mjs', 'named.mjs#one']) {
      digests.push((await loadModule(at(reference), 'judge.module')).digest);
    }
    expect(new Set(digests).size).toBe(3);
    expect((await loadModule(at('mine.mjs#one'), 'embedder.module')).digest).toBe(digests[0]);
  });

  it.each([
    ['none.mjs#one', 'no file'],
    ['named.mjs', 'expected a default export, got only one'],
    ['named.mjs#two', 'expected an export two, got only one'],
    ['empty.mjs#one', 'got a module without exports'],
    ['broken.mjs#one', 'got no such thing'],
  ])('(%s) is refused with the reason: %s', async (name, reason) => {
    const failing = loadModule(at(name), 'judge.module');
    await expect(failing).rejects.toThrow(`judge.module ${at(name)}: expected`);
    await expect(failing).rejects.toThrow(reason);
  });
});

describe('what a module must export', () => {
  const expected = 'a judge: an object with describe.id and judge(items, signal)';
  const check = (value: unknown) => () =>
    requireShape({ reference: './mine.ts#judge', value, digest: '' }, 'judge.module', {
      expected,
      schema: ownPartSchema('judge'),
    });

  it('may be a plain object or an instance of a class', () => {
    class Mine {
      readonly describe = { id: 'mine' };
      judge() {}
    }
    expect(check({ describe: { id: 'mine' }, judge: () => [] })).not.toThrow();
    expect(check(new Mine())).not.toThrow();
  });

  it.each([
    [5, 'got no object'],
    [{}, 'got describe is no object, judge is no function'],
    [{ describe: { id: '' }, judge: 1 }, 'got describe id is empty, judge is no function'],
    [{ describe: { id: 'mine' }, judge: () => [], probe: 'yes' }, 'got probe is no function'],
  ])('(%j) says what is missing', (value, got) => {
    expect(check(value)).toThrow(`judge.module ./mine.ts#judge: expected ${expected}, ${got}`);
  });
});
