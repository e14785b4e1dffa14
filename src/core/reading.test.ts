import { describe, expect, it } from 'vitest';
import { fail } from './errors.ts';
import {
  isMissing,
  reading,
  readingAs,
  readingIfThere,
  refusalCode,
  refusalOf,
  UnfitFile,
} from './reading.ts';

const asked = {
  boundary: 'judge',
  where: 'certificate x',
  expected: 'a certificate',
  next: 'correct the path',
} as const;

const refused = (code: string) =>
  Object.assign(new Error(`${code}: some words, open 'x'`), { code, syscall: 'open' });
const throwing = (error: unknown) => () => Promise.reject(error);

describe('reading', () => {
  it.each([
    ['EACCES', 'no permission (EACCES)'],
    ['EPERM', 'no permission (EPERM)'],
    ['EIO', 'an error of the disk or file system (EIO)'],
    ['EMFILE', 'too many open files of this process (EMFILE)'],
    ['ENOTDIR', 'a path that leads through a file as if it were a folder'],
    ['EQUEER', "EQUEER: some words, open 'x'"],
  ])('tells %s in words', async (code, got) => {
    await expect(reading(asked, throwing(refused(code)))).rejects.toMatchObject({
      boundary: 'judge',
      problems: [{ where: 'certificate x', got }],
    });
  });

  it('says better what was wanted than what was refused below', async () => {
    const inner = () =>
      reading({ ...asked, where: 'x' }, throwing(new UnfitFile('a pipe'))).catch(throwing);
    await expect(reading(asked, async () => (await inner())())).rejects.toMatchObject({
      problems: [{ where: 'certificate x', got: 'a pipe' }],
    });
  });

  it('lets other errors pass', async () => {
    const other = new TypeError('a defect');
    await expect(reading(asked, throwing(other))).rejects.toBe(other);
    const told = () => fail('data', { where: 'a', expected: 'b', got: 'c', next: 'd' });
    await expect(reading(asked, async () => told())).rejects.toThrow(/^a: expected b/);
  });

  it('knows what is missing from what cannot be read', async () => {
    expect(isMissing(refused('ENOENT'))).toBe(true);
    expect(isMissing(refused('ENOTDIR'))).toBe(false);
    expect(await readingIfThere(asked, throwing(refused('ENOENT')))).toBeUndefined();
    await expect(readingIfThere(asked, throwing(refused('EIO')))).rejects.toThrow(/\(EIO\)/);
  });

  it('tells what cannot be understood as what was found', async () => {
    const read = async () => '{';
    await expect(readingAs(asked, read, JSON.parse)).rejects.toThrow(
      /^certificate x: expected a certificate, got .*JSON/,
    );
    expect(await readingAs(asked, async () => '1', JSON.parse)).toBe(1);
  });

  it('has no code for what is no refusal', () => {
    expect(refusalCode(new Error('x'))).toBeUndefined();
    expect(refusalCode('x')).toBeUndefined();
    expect(refusalOf(Object.assign(new Error('x'), { code: 'ERR_OTHER' }))).toBeUndefined();
  });
});
