import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importPeer } from './optional-peer.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-peers-'));
  for (const [name, type, source] of [
    ['made-up-esm', 'module', 'export const answer = 42;'],
    ['made-up-cjs', 'commonjs', 'module.exports = { answer: 42 };'],
    ['made-up-broken', 'module', "throw new Error('no such processor');"],
  ] as const) {
    const where = join(folder, 'node_modules', name);
    await mkdir(where, { recursive: true });
    const manifest = { name, version: '1.0.0', type, exports: './index.js' };
    await writeFile(join(where, 'package.json'), JSON.stringify(manifest));
    await writeFile(join(where, 'index.js'), source);
  }
});
afterAll(() => rm(folder, { recursive: true }));

describe('importPeer', () => {
  it('finds what is installed beside MediX', async () => {
    expect(await importPeer('yaml', 'a test', undefined)).toHaveProperty('parse');
  });

  it.each(['made-up-esm', 'made-up-cjs'])('finds %s in the extra folder', async (name) => {
    expect(await importPeer(name, 'a test', folder)).toMatchObject({ answer: 42 });
  });

  it('says how to install what is missing', async () => {
    await expect(importPeer('made-up-esm', 'judge gguf', undefined)).rejects.toThrow(
      /^judge gguf: expected the package made-up-esm, got .*; npm install made-up-esm$/s,
    );
  });

  it('passes on why a package cannot be loaded', async () => {
    await expect(importPeer('made-up-broken', 'judge gguf', folder)).rejects.toThrow(
      'no such processor',
    );
  });
});
