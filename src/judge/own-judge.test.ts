import { describe, expect, it } from 'vitest';
import type { LoadedModule } from '../config/load-module.ts';
import { systemClock } from '../core/async/clock.ts';
import { createLedger } from '../http/ledger.ts';
import { openJudge } from './open-judge.ts';
import type { OwnJudge } from './own-judge.ts';

const never = new AbortController().signal;
const item = { question: 'Which organ?', answer: 'liver', referenceAnswer: 'liver', accepted: [] };

function open(value: unknown, digest = 'd') {
  const load = async (reference: string): Promise<LoadedModule> => ({ reference, value, digest });
  const certificate = {
    path: null,
    minSensitivity: 0,
    minSpecificity: 0,
    minKappa: 0,
    below: 'warn',
  } as const;
  return openJudge(
    { kind: 'module', module: './mine.ts#judge', showImages: false, certificate },
    { seed: 1, clock: systemClock, ledger: createLedger(), load },
  );
}

const mine: OwnJudge = {
  describe: { id: 'mine' },
  judge: (items) =>
    items.map(({ answer, referenceAnswer }) => ({
      kind: 'judged',
      correct: answer === referenceAnswer,
    })),
};

describe('a judge of the user', () => {
  it('gives verdicts with what it leaves out filled in', async () => {
    const judge = await open(mine);
    expect(judge.describe).toMatchObject({ id: 'mine', kind: 'module' });
    expect(await judge.judge([item, { ...item, answer: 'lung' }], never)).toEqual([
      { kind: 'judged', correct: true, reply: '', latencyMs: 0, source: 'rule' },
      { kind: 'judged', correct: false, reply: '', latencyMs: 0, source: 'rule' },
    ]);
    expect(await judge.probe(never)).toBeUndefined();
    await judge.close();
  });

  it('is another judge with other code or another description', async () => {
    const digests = [
      await open(mine),
      await open(mine, 'other code'),
      await open({ ...mine, describe: { id: 'mine', threshold: 2 } }),
    ].map(({ describe: { digest } }) => digest);
    expect(new Set(digests).size).toBe(3);
    expect((await open({ ...mine })).describe.digest).toBe(digests[0]);
  });

  it('leaves an item unscored where its verdict is none', async () => {
    const judge = await open({ ...mine, judge: () => [{ kind: 'judged', correct: 'yes' }] });
    expect(await judge.judge([item], never)).toMatchObject([
      {
        kind: 'unscored',
        message: expect.stringContaining("judge mine gave { kind: 'judged', correct: 'yes' }"),
      },
    ]);
  });

  it('is refused where it cannot judge', async () => {
    await expect(open({ describe: { id: 'mine' } })).rejects.toThrow(
      /judge\.module \.\/mine\.ts#judge: expected a judge: .*, got judge is no function/,
    );
  });
});
