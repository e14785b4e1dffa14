import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRewardProfile } from './profile.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-profile-'));
  path = join(folder, 'mine.yaml');
});
afterEach(() => rm(folder, { recursive: true }));

const shipped = () =>
  readFile(new URL('../../assets/reward-profiles/medix-r1.yaml', import.meta.url), 'utf8');

/** The default profile with some lines of its file replaced. */
async function write(
  ...changes: readonly (readonly [from: string, to: string])[]
): Promise<string> {
  let text = await shipped();
  for (const [from, to] of changes) {
    expect(text).toContain(from);
    text = text.replace(from, to);
  }
  await writeFile(path, text);
  return path;
}

describe('a reward profile', () => {
  it('comes with MediX, by name', async () => {
    expect(await openRewardProfile('medix-r1')).toMatchObject({
      name: 'medix-r1',
      rules: 'medix-r1',
      weights: { judge: 0.5175, similarity: 0.3375, modality: 0.045, format: 0.1 },
      guards: { shortest: 1, rejected: [] },
      overlong: null,
      onFailure: 'unscored',
    });
    expect(await openRewardProfile('medix-r1-reference')).toMatchObject({
      rules: 'medix-r1-reference',
      guards: { shortest: 2, rejected: ['__', ':', '?'] },
      contradiction: false,
      onFailure: 'zero',
    });
  });

  it('may be a file; its digest follows what it says and not how', async () => {
    const original = await openRewardProfile('medix-r1');
    const same = await openRewardProfile(await write(['# 0.9 × 0.575', '# the judge']));
    expect(same).toEqual({ ...original, name: path });
    const other = await openRewardProfile(await write(['at: 0.8', 'at: 0.81']));
    expect(other.digest).not.toBe(original.digest);
  });

  it('is refused with everything that is wrong with it', async () => {
    const file = await write(
      ['rules: medix-r1', 'rules: medix-r2'],
      ['judge: 0.5175', 'judge: -1'],
      ['rejected: []', 'rejected: [""]'],
      ['at: 0.8', 'at: 80'],
      ['aggregation: sum', 'agregation: sum'],
    );
    const error = await openRewardProfile(file).catch(String);
    for (const place of ['rules', 'weights.judge', 'guards.rejected', 'similarity.at']) {
      expect(error).toContain(`${path}: ${place}`);
    }
    expect(error).toContain('did you mean aggregation?');
  });

  it.each([
    [
      'weights that do not add up to 1',
      'judge: 0.5175',
      'judge: 0.5',
      /weights: .*add up to 1, not 0.9825/,
    ],
    [
      'a failure scored 0',
      'onFailure: unscored',
      'onFailure: zero',
      /onFailure: .*only rules medix-r1-reference/,
    ],
    [
      'text alone without its answer',
      '[judge, similarity, modality',
      '[modality',
      /textOnly: .*judge, similarity, rubric or findings/,
    ],
    ['a component twice', '[judge, ', '[judge, judge, ', /textOnly: .*each component once/],
    [
      'a buffer beyond the limit',
      'overlong: null',
      'overlong: {limit: 5, buffer: 6, penalty: 1}',
      /overlong\.buffer: .*no longer/,
    ],
    [
      'findings without a floor',
      'judge: 0.5175',
      'judge: 0.5\n  findings: 0.0175',
      /findings: .*\{floor: …\}/,
    ],
    [
      'gates that multiply nothing',
      'aggregation: sum',
      'aggregation: sum\ngates: [format]',
      /gates: .*none, since aggregation is not gated/,
    ],
    [
      'a gate twice',
      'aggregation: sum',
      'aggregation: gated\ngates: [format, format]',
      /gates: .*each component once/,
    ],
    [
      'gates alone',
      'aggregation: sum',
      'aggregation: gated\ngates: [judge, similarity, modality, format]',
      /gates: .*leave a component with a weight above 0/,
    ],
  ])('is refused for %s', async (_, from, to, problem) => {
    await expect(openRewardProfile(await write([from, to]))).rejects.toThrow(problem);
  });

  it('is refused for nothing but a modality', async () => {
    const file = await write(
      ['judge: 0.5175', 'judge: 0'],
      ['similarity: 0.3375', 'similarity: 0'],
      ['modality: 0.045', 'modality: 0.9'],
    );
    await expect(openRewardProfile(file)).rejects.toThrow(
      /above 0 for judge, similarity, rubric or findings/,
    );
  });

  it('has to be there', async () => {
    await expect(openRewardProfile('medix-r3')).rejects.toThrow(
      /reward profile medix-r3: expected one of medix-r1, medix-r1-reading, medix-r1-reference, or a file/,
    );
  });
});
