/** Rollouts of a run are read by people and by programs. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { RolloutLine } from '../../src/run/records.ts';
import { RunWriter } from '../../src/run/run-writer.ts';
import { medix, temporaryFolder } from './medix.ts';

const killed = fileURLToPath(new URL('../fixtures/earlier-version/run/killed', import.meta.url));
const folder = await temporaryFolder();
const run = join(folder, 'run');

const score = (value: number) => ({ kind: 'scored', value });
const timeout = { kind: 'unscored', cause: 'timeout', message: 'no answer' };

function line(key: string, more: Partial<RolloutLine>): Omit<RolloutLine, 'attempt' | 'iteration'> {
  return {
    key,
    sampleId: 'a',
    question: 'What is it?',
    reference: 'gout',
    accepted: [],
    source: 'hospital',
    images: [],
    completion: 'gout\u001b[2J\nfor sure',
    completionTokens: 5,
    stopReason: 'stop',
    logprob: -1,
    reward: 1,
    components: { judge: score(1), format: score(1) },
    advantage: null,
    use: 'filtered',
    ...more,
  };
}

const writer = await RunWriter.create(run, { kind: 'train', config: {}, facts: {} }, [], () => 0);
await writer.writeRollouts(1, 'training', [
  line('1/1/0/a/0', {}),
  line('1/1/0/a/1', {}),
  line('1/1/1/b/0', {
    reward: null,
    components: { judge: timeout, format: score(1) },
    use: 'unscored',
  }),
]);
await writer.writeRollouts(2, 'training', [
  line('1/2/2/a/0', { reward: 0.25, use: 'trained', advantage: -1, completionTokens: 9 }),
  line('1/2/2/a/1', { use: 'trained', advantage: 1 }),
]);
await writer.close('finished');

it('medix rollouts shows each response with its scores, harmlessly', async () => {
  const shown = await medix(folder, 'rollouts', run, '--iteration', '1', '--verdict', 'right');
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  expect(shown.stdout).not.toContain('\u001b');
  expect(shown.stdout).toBe(
    [
      ...['0', '1'].flatMap((index) => [
        `iteration 1  1/1/0/a/${index}`,
        '  reward 1, right, filtered (allRight), group spread 0, 5 tokens',
        '  judge      1',
        '  format     1',
        '  question   What is it?',
        '  right      gout',
        '  response   gout\uFFFD[2J',
        '             for sure',
        '',
      ]),
      '2 rollouts\n',
    ].join('\n'),
  );
});

it('medix rollouts sorts, limits and gives JSON', async () => {
  const args = ['rollouts', run, '--sort', 'reward', '--reverse', '--limit', '2', '--json'];
  const { code, stdout } = await medix(folder, ...args);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.map((one) => JSON.parse(one))).toMatchObject([
    { key: '1/2/2/a/0', reward: 0.25, verdict: 'right', cause: null, spread: expect.any(Number) },
    { key: '1/1/0/a/0', reward: 1, cause: 'allRight' },
  ]);
  const failures = await medix(folder, 'rollouts', run, '--cause', 'timeout');
  expect(failures.stdout).toMatch(
    /no reward, unscored \(timeout\), 5 tokens\n {2}judge +unscored, timeout {2}no answer/,
  );
  const all = await medix(folder, 'rollouts', run, '--limit', '1', '--sort', 'length');
  expect(all.stdout).toMatch(/1 of 5 rollouts; --limit shows further ones/);
});

it('medix rollouts reads runs of earlier versions, and says where there is nothing', async () => {
  const old = await medix(folder, 'rollouts', killed, '--use', 'validation', '--limit', '1');
  expect(old).toMatchObject({ code: 0, stderr: '' });
  expect(old.stdout).toMatch(/1 rollouts, there are more/);
  const none = await medix(folder, 'rollouts', run, '--iteration', '7-');
  expect(none.code).toBe(1);
  expect(none.stderr).toMatch(/expected rollouts on record, got none/);
  const wrong = await medix(folder, 'rollouts', run, '--iteration', '7-3');
  expect(wrong.code).toBe(2);
});
