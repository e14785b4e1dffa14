import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { rasterFormat } from './image-name.ts';
import { imagesIn, readNamedImage } from './named-image.ts';
import { plainPng } from './raster.ts';

const outer = await mkdtemp(join(tmpdir(), 'medix-named-'));
const root = join(outer, 'data');
afterAll(() => rm(outer, { recursive: true }));

const png = new Uint8Array(await plainPng(8, 8, { r: 200, g: 30, b: 30 }));
const base64 = Buffer.from(png).toString('base64');
await mkdir(join(root, 'sub'), { recursive: true });
for (const path of ['x.png', 'sub/y.png', '../outside.png', 'ü "x".png']) {
  await writeFile(join(root, path), png);
}

async function bytesOf(value: unknown) {
  const read = await readNamedImage(value, root);
  return read.kind === 'image' ? read.image.bytes : read.problem;
}

describe('an image that a row names', () => {
  it.each([
    ['bytes', png],
    ['{bytes, path}', { bytes: png, path: '/elsewhere/x.png' }],
    ['{path}', { path: 'sub/y.png', bytes: null }],
    ['a path', 'x.png'],
    ['an absolute path below the folder', join(root, 'sub', '..', 'x.png')],
    ['a path with signs of its own', 'ü "x".png'],
    ['a path as bytes', new TextEncoder().encode('x.png')],
    ['{path} as bytes', { path: new TextEncoder().encode('x.png') }],
    ['base64', base64],
    ['base64 in bytes', { bytes: base64 }],
    ['base64 as bytes', new TextEncoder().encode(base64)],
    ['base64 in path', { path: base64 }],
    ['wrapped base64', base64.replaceAll(/(.{20})/g, '$1\r\n')],
    ['base64 without padding', base64.replace(/=+$/, '')],
    ['base64 for addresses', base64.replaceAll('+', '-').replaceAll('/', '_')],
    ['a data URL', `data:image/png;base64,${base64}`],
    ['a data URL with parameters', { bytes: `data:image/png;name=x.png;base64,${base64}\n` }],
  ])('may be %s', async (_, value) => {
    expect(await bytesOf(value)).toEqual(png);
  });

  it('is none of a list’s empty entries', () => {
    expect(imagesIn([null, 'a', [undefined, ['b', '']], { path: 'c' }])).toEqual([
      'a',
      'b',
      { path: 'c' },
    ]);
    expect(imagesIn(null)).toEqual([]);
  });
});

describe('what a row must not name', () => {
  it('is any other file of this machine', async () => {
    await symlink('/etc/passwd', join(root, 'link.png'));
    await symlink('../outside.png', join(root, 'out.png'));
    await symlink('/etc', join(root, 'etc'));
    await symlink('loop.png', join(root, 'loop.png'));
    execFileSync('/usr/bin/mkfifo', [join(root, 'pipe.png')]);
    await writeFile(join(root, 'secret.txt'), 'BM: the body mass is secret'.repeat(9));
    await writeFile(join(root, 'empty.png'), '');
    await writeFile(join(root, 'locked.png'), png);
    await chmod(join(root, 'locked.png'), 0);
    await writeFile(join(root, 'huge.png'), png);
    await truncate(join(root, 'huge.png'), 2 ** 28);
    const refused = {
      '/etc/passwd': /does not lie below/,
      '../outside.png': /does not lie below/,
      'sub/../../outside.png': /does not lie below/,
      'link.png': /does not lie below/,
      'out.png': /does not lie below/,
      'etc/passwd': /does not lie below/,
      '/proc/self/environ': /does not lie below/,
      '/dev/zero': /does not lie below/,
      '.': /does not lie below/,
      sub: /a folder/,
      'pipe.png': /a pipe/,
      'huge.png': /268435456 bytes, over/,
      'secret.txt': /no known image format/,
      'empty.png': /0 bytes of no known image format/,
      'loop.png': /a symbolic link that leads back to itself/,
      'gone.png': /no such file/,
      'x.png/y': /a path that leads through a file/,
      'x\0.png': /neither a path nor an image/,
      [`${'x'.repeat(300)}.png`]: /a name that is too long/,
      'https://example.org/x.png': /no such file/,
      'data:image/svg+xml,<svg/>': /data URL of \d+ characters without base64/,
    };
    for (const [path, problem] of Object.entries(refused)) {
      expect(await bytesOf(path)).toMatch(problem);
      expect(await bytesOf({ path })).toMatch(problem);
    }
    if (process.getuid?.() !== 0) expect(await bytesOf('locked.png')).toMatch(/no permission/);
  });

  it('is a file where there is no folder', async () => {
    expect(await readNamedImage('x.png', undefined)).toMatchObject({ kind: 'missing' });
  });

  it('is told on one short line that never holds the image, whatever the row says', async () => {
    const long = Buffer.from('no image at all, '.repeat(9999)).toString('base64');
    const things = [
      long,
      `data:image/png;base64,${long}`,
      { bytes: long },
      { bytes: '?'.repeat(99_999) },
      { bytes: [1, 2, 3] },
      { path: `${'y'.repeat(99_999)}.png` },
      new Uint8Array(99_999).fill(200),
      '\u001b]0;title\u0007\u202e.png',
      3,
      true,
      [],
      {},
    ];
    for (const thing of things) {
      const problem = await bytesOf(thing);
      expect(problem).toMatch(/^[^\p{Cc}\p{Bidi_Control}]{1,300}$/u);
    }
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array(), fc.anything());
    await fc.assert(
      fc.asyncProperty(anything, async (thing) => {
        const read = await readNamedImage(thing, root);
        if (read.kind === 'image') expect(rasterFormat(read.image.bytes)).toBeDefined();
        else expect(read.problem.length).toBeLessThan(400);
      }),
    );
  });
});
