/** Stored responses are scored again under another profile, and one of them is explained. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { trainConfigSchema } from '../../src/config/train-config.ts';
import { systemClock } from '../../src/core/async/clock.ts';
import { phantomSample } from '../../src/data/phantoms/study.ts';
import { openEmbedder } from '../../src/embed/open-embedder.ts';
import { createLedger } from '../../src/http/ledger.ts';
import { createReferenceMatchJudge } from '../../src/judge/reference-match.ts';
import { createReward } from '../../src/reward/composite.ts';
import { openRewardProfile } from '../../src/reward/profile.ts';
import { packageVersion } from '../../src/run/run-facts.ts';
import { RunWriter } from '../../src/run/run-writer.ts';
import { medix, temporaryFolder } from './medix.ts';

const folder = await temporaryFolder();
const run = join(folder, 'run');
const never = new AbortController().signal;

const profile = await openRewardProfile('medix-r1');
const ledger = createLedger();
const embedder = await openEmbedder({ kind: 'local' }, { seed: 1, clock: systemClock, ledger });
const judge = createReferenceMatchJudge();
const reward = createReward({ profile, judge, embedder });

/** Right, right but for its case, unformatted, wrong. */
const responsesTo = (modality = '', reference = '') => [
  `<${modality}><thinking>t</thinking><answer>${reference}</answer>`,
  `<${modality}><thinking>t</thinking><answer>${reference.toUpperCase()}</answer>`,
  `${reference}`,
  `<${modality}><thinking>t</thinking><answer>a bicycle</answer>`,
];

const samples = [0, 1].map((index) => phantomSample({ seed: 1, split: 'train', index }));
const items = samples.flatMap((sample) =>
  responsesTo(sample.modality, sample.referenceAnswer).map((response) => ({ sample, response })),
);
const outcomes = await reward.score(items, never);

const config = trainConfigSchema.parse({
  model: 'unused',
  data: { train: 'phantoms', trainCount: 10 },
});
const writer = await RunWriter.create(
  run,
  {
    kind: 'train',
    config,
    facts: {
      medix: await packageVersion(),
      profile,
      judge: judge.describe,
      embedder: embedder.describe,
    },
  },
  [],
  () => 0,
);
const keys = items.map(({ sample }, i) => `1/1/${Math.floor(i / 4)}/${sample.id}/${i % 4}`);
await writer.writeRollouts(
  1,
  'training',
  outcomes.map((outcome, i) => ({
    key: keys[i]!,
    sampleId: items[i]!.sample.id,
    completion: items[i]!.response,
    completionTokens: 9,
    stopReason: 'stop' as const,
    logprob: -1,
    reward: outcome.kind === 'scored' ? outcome.reward : null,
    components: outcome.components,
    advantage: 1.5 - (i % 4),
    use: 'trained' as const,
  })),
);
await writer.close('finished');

const rowsOf = async (path: string) =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

it('medix replay of a run under its own reward changes no reward', async () => {
  const out = join(folder, 'same.jsonl');
  const same = await medix(folder, 'replay', run, '--out', out);
  expect(same).toMatchObject({ code: 0, stderr: '' });
  expect(same.stdout).toMatch(/responses +8 in 2 groups/);
  expect(same.stdout).toMatch(/scores +8 as recorded, 0 asked for anew/);
  expect(same.stdout).toMatch(/0 of 8 differ \(0\.0 %\)/);
  const again = await medix(folder, 'replay', run, '--ask-again');
  expect(again.stdout).toMatch(/scores +0 as recorded, 8 asked for anew/);
  expect(again.stdout).toMatch(/0 of 8 differ \(0\.0 %\)/);
  const rows = await rowsOf(out);
  expect(rows.map(({ key }) => key)).toEqual(keys);
  for (const { before, after } of rows) expect(after.reward).toBe(before.reward);
  expect(rows[0].before.advantage).toBe(1.5);
});

it('medix replay shows what another profile makes of rewards and advantages', async () => {
  const out = join(folder, 'reference.jsonl');
  const args = ['replay', run, '--profile', 'medix-r1-reference', '--out', out];
  const changed = await medix(folder, ...args);
  expect(changed).toMatchObject({ code: 0, stderr: '' });
  expect(changed.stdout).toMatch(/profile medix-r1-reference/);
  expect(changed.stdout).not.toMatch(/ 0 of 8 differ/);
  expect(changed.stdout).toMatch(/rank correlation within groups -?\d\.\d{3}/);
  expect(changed.stdout).toMatch(/groups +0 are no longer trained on, 0 now are/);
  const [right, , bare] = await rowsOf(out);
  expect(right).toMatchObject({ before: { reward: 1 }, after: { reward: 1 } });
  // The paper's code takes the whole response for the answer where it is not marked.
  expect(bare.after.reward).toBeCloseTo(0.855, 12);
});

it('medix replay tells what other weights and another advantage would have done, and asks nobody', async () => {
  const out = join(folder, 'weights.jsonl');
  const weights = 'profile.weights={judge: 0.5, similarity: 0.4, modality: 0.05, format: 0.05}';
  const words = [weights, 'algorithm.advantage=dr-grpo', '--out', out];
  const changed = await medix(folder, 'replay', run, ...words);
  expect(changed).toMatchObject({ code: 0, stderr: '' });
  expect(changed.stdout).toMatch(/^profile medix-r1 with weights=/);
  expect(changed.stdout).toMatch(/scores +8 as recorded, 0 asked for anew/);
  expect(changed.stdout).toMatch(
    /they move by \d\.\d{3} on average, where their mean size was 1\.000/,
  );
  const rows = await rowsOf(out);
  // Judge and similarity say right, format and modality say nothing good.
  expect(rows[2].after.reward).toBeCloseTo(0.9, 12);
  const group = rows.slice(0, 4).map(({ after }) => after);
  const mean = group.reduce((sum, { reward }) => sum + reward, 0) / 4;
  for (const { reward, advantage } of group) expect(advantage).toBeCloseTo(reward - mean, 12);

  const threshold = await medix(folder, 'replay', run, 'profile.similarity.at=0.99');
  expect(threshold.stdout).toMatch(/scores +0 as recorded, 8 asked for anew/);
  const wrong = await medix(folder, 'replay', run, 'profile.weights.judge=0.9');
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toMatch(/weights that add up to 1/);
  const contradiction = await medix(folder, 'replay', run, 'algorithm.passAtK=9');
  expect(contradiction.code).toBe(1);
  expect(contradiction.stderr).toMatch(/algorithm\.passAtK/);
});

it('medix replay takes journals and rows, and leaves broken rows out of the comparison', async () => {
  const rows = join(folder, 'rows.jsonl');
  const out = join(folder, 'rows.out.jsonl');
  const row = (id: number, answer: string, reward: number | null) => ({
    ...{ id, group: 'g', reward, question: 'What?' },
    ...{ response: `<CT_SCAN><thinking>t</thinking><answer>${answer}</answer>` },
    ...{ ground_truth: '<CT_SCAN>gout' },
  });
  const entry = {
    at: '2026-01-01T00:00:00.000Z',
    route: '/v1/rewards',
    ms: 1,
    items: [
      { ...row(3, 'gout', 0), id: '3', images: ['ab'], outcome: { kind: 'scored', reward: 0.5 } },
      { ...row(4, 'pox', 0), id: '4', images: ['ab'], outcome: { kind: 'scored', reward: 0.4 } },
    ],
  };
  const lines = [row(0, 'gout', 0), row(1, 'pox', 1), { id: 2, group: 'g' }, entry];
  await writeFile(rows, lines.map((line) => JSON.stringify(line)).join('\n'));
  const done = await medix(folder, 'replay', rows, '--out', out);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expect(done.stdout).toMatch(/responses +5 in 2 groups/);
  expect(done.stdout).toMatch(/advantage +2 of 4 change sign \(50\.0 %\)/);
  expect(await rowsOf(out)).toMatchObject([
    { key: '0', group: 'g', before: { reward: 0 }, after: { reward: 1 } },
    { key: '1', before: { reward: 1 } },
    { key: '2', after: { reward: null, cause: 'malformed' } },
    { key: `${entry.at}/3`, before: { reward: 0.5 }, after: { reward: 1 } },
    { key: `${entry.at}/4` },
  ]);
});

it('medix reward explain tells how a reward came about, for a rollout and for a row', async () => {
  const rollout = await medix(folder, 'reward', 'explain', run, keys[3]!);
  expect(rollout).toMatchObject({ code: 0, stderr: '' });
  expect(rollout.stdout).toMatch(/^profile: medix-r1/);
  expect(rollout.stdout).toMatch(/answer: "a bicycle"/);
  expect(rollout.stdout).toMatch(/reward: .* = 0\.145\n/);
  const unknown = await medix(folder, 'reward', 'explain', run, 'no/such/key');
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toMatch(/expected a rollout with the key no\/such\/key, got none/);

  const rows = join(folder, 'one.jsonl');
  const hostile = { id: 'x', response: 'gout\u001b[2J', ground_truth: '<CT_SCAN>gout' };
  await writeFile(rows, JSON.stringify(hostile));
  const row = await medix(folder, 'reward', 'explain', '--row', rows, '--id', 'x');
  expect(row).toMatchObject({ code: 0, stderr: '' });
  expect(row.stdout).toMatch(/reward: /);
  expect(row.stdout).not.toContain('\u001b');
  const neither = await medix(folder, 'reward', 'explain', run);
  expect(neither.stderr).toMatch(/expected a run directory and a key, or --row and --id/);
});

it.each([
  ['an empty file', '', /expected stored responses to score again, got none;/],
  ['rows that cannot be read', '{"id": 1}\nnot json\n', /got 2, none of which can be read;/],
])('a replay of %s is an error and writes nothing', async (_, text, message) => {
  const source = join(folder, 'nothing.jsonl');
  await writeFile(source, text);
  const { code, stderr } = await medix(folder, 'replay', source, '--out', 'none.jsonl');
  expect(stderr).toMatch(message);
  expect(code).toBe(1);
  await expect(readFile(join(folder, 'none.jsonl'))).rejects.toThrow(/ENOENT/);
});
