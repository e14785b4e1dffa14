/** A file of responses is scored by real servers, and survives kill -9. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { medix, startMedix, temporaryFolder } from './medix.ts';
import {
  encoderName,
  judgeName,
  type ScoringServer,
  startScoringServer,
} from './scoring-server.ts';

const folder = await temporaryFolder();
const input = join(folder, 'rows.jsonl');

const rows = Array.from({ length: 60 }, (_, i) => ({
  id: i,
  question: `What does study ${i % 20} show?`,
  response: `<CT_SCAN><thinking>looks so</thinking><answer>finding ${i % 40}</answer>`,
  ground_truth: `<CT_SCAN>diagnosis ${i % 20}`,
}));
await writeFile(input, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

const argumentsFor = (url: string, out: string, cache: string) => [
  ...['reward', 'score', '--out', join(folder, out), '--batch', '2'],
  ...['--judge-model', judgeName, '--embedder-model', encoderName],
  ...['--embedder-url', url, '--judge-url', url, input],
  `reward.judge.cache=${join(folder, cache)}`,
  `reward.embedder.cache=${join(folder, cache)}`,
  'reward.judge.concurrency=1',
];

const linesIn = async (name: string) => {
  const text = await readFile(join(folder, name), 'utf8').catch(() => '');
  return text.split('\n').length - 1;
};

/** Until a question is held, and all that was answered before it is written: nothing new from one look to the next. */
async function untilStill(server: ScoringServer, name: string): Promise<number> {
  let seen = -1;
  await vi.waitFor(async () => {
    const before = seen;
    seen = server.isHolding() ? await linesIn(name) : -1;
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBe(before);
  }, 60_000);
  return seen;
}

it('medix reward score, killed half-way, ends with the same bytes and asks nothing twice', async () => {
  const calm = await startScoringServer();
  const profile = ['--profile', 'medix-r1-reference'];
  const undisturbed = await medix(folder, ...argumentsFor(calm.url, 'calm.jsonl', 'a'), ...profile);
  expect(undisturbed).toMatchObject({ code: 0, stderr: '' });
  expect(undisturbed.stdout).toMatch(/rows +60\n/);
  expect(undisturbed.stdout).toMatch(/judge +41 requests, 4000 \+ 40 tokens/);

  const server = await startScoringServer();
  const args = [...argumentsFor(server.url, 'killed.jsonl', 'b'), ...profile];
  server.holdAfter(24);
  const killed = startMedix(folder, args);
  const scored = await untilStill(server, 'killed.jsonl.part');
  killed.kill('SIGKILL');
  expect((await killed.outcome).code).toBe(null);
  server.release();

  const resumed = await medix(folder, ...args);
  expect(resumed).toMatchObject({ code: 0, stderr: '' });
  expect(resumed.stdout).toContain(`, ${scored} of them scored before this command was resumed`);
  expect(await readFile(join(folder, 'killed.jsonl'), 'utf8')).toBe(
    await readFile(join(folder, 'calm.jsonl'), 'utf8'),
  );
  expect(server.answered.size).toBe(40);
  expect(Math.max(...server.answered.values())).toBe(1);
});

it('an interrupted call says how to resume, and a cap stops it for good until it is raised', async () => {
  const server = await startScoringServer();
  const args = argumentsFor(server.url, 'stopped.jsonl', 'c');
  server.holdAfter(6);
  const running = startMedix(folder, args);
  const scored = await untilStill(server, 'stopped.jsonl.part');
  running.kill('SIGINT');
  const stopped = await running.outcome;
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain(
    `an interruption after ${scored} rows; run the same command again to resume`,
  );
  server.release();

  const capped = await medix(folder, ...args, 'reward.judge.cap.calls=20');
  expect(capped.code).toBe(1);
  expect(capped.stderr).toMatch(/cap\.calls of 20 is reached .* raise the cap/);
  expect(await linesIn('stopped.jsonl.part')).toBeLessThan(60);
  const raised = await medix(folder, ...args, 'reward.judge.cap.calls=200');
  expect(raised).toMatchObject({ code: 0, stderr: '' });
  expect(await linesIn('stopped.jsonl')).toBe(60);
  expect(Math.max(...server.answered.values())).toBe(1);
});

it('nothing is scored while a server cannot be asked, and an output is not replaced by chance', async () => {
  const server = await startScoringServer();
  const args = argumentsFor(server.url, 'out.jsonl', 'd');
  const wrong = args.map((word) => (word === judgeName ? 'no-such-judge' : word));
  const refused = await medix(folder, ...wrong);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /^judge no-such-judge: expected an answer, .* unknown.*"scripted-judge/,
  );
  expect(await linesIn('out.jsonl.part')).toBe(0);
  expect(server.answered.size).toBe(0);

  await writeFile(join(folder, 'out.jsonl'), 'precious');
  const taken = await medix(folder, ...args);
  expect(taken.code).toBe(1);
  expect(taken.stderr).toMatch(/expected a file that does not exist yet/);
  expect(await readFile(join(folder, 'out.jsonl'), 'utf8')).toBe('precious');
});

it('works offline by default, and says of each broken row what is wrong', async () => {
  const mixed = join(folder, 'mixed.jsonl');
  await writeFile(
    mixed,
    [
      '{"id":"right","response":"<CT_SCAN><thinking>t</thinking><answer>Gout.</answer>","ground_truth":"<CT_SCAN>gout"}',
      'not JSON',
      '{"id":"no truth","response":"gout"}',
      '{"id":"odd tag","response":"gout","ground_truth":"<TAXI>gout"}',
      '{"id":"untagged","response":"<CT_SCAN><thinking>t</thinking><answer>gout</answer>","ground_truth":"gout"}',
    ].join('\n'),
  );
  const out = join(folder, 'mixed.out.jsonl');
  const done = await medix(folder, 'reward', 'score', mixed, '--out', out);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expect(done.stdout).toMatch(/3 rows without a reward: 3 malformed/);
  const scored = (await readFile(out, 'utf8')).trimEnd().split('\n');
  expect(scored.map((line) => JSON.parse(line))).toMatchObject([
    { id: 'right', line: 1, reward: 1 },
    { id: null, line: 2, reward: null, cause: 'malformed' },
    { id: 'no truth', reward: null, message: 'ground_truth: is missing' },
    { id: 'odd tag', reward: null, message: expect.stringMatching(/unknown modality tag "TAXI"/) },
    { id: 'untagged', reward: expect.closeTo(1, 12) },
  ]);
});

it.each([
  ['no row', [], /expected at least one row that gets a reward, got no rows/],
  [
    'malformed rows alone',
    [{ response: 'x' }, { id: 2, ground_truth: '<CT_SCAN>y' }],
    /got 2 without one \(2 malformed\); read the messages in \S+none\.jsonl/,
  ],
])('a file of %s is an error', async (_, given, message) => {
  const path = join(folder, 'none-in.jsonl');
  await writeFile(path, given.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const args = ['reward', 'score', path, '--out', join(folder, 'none.jsonl'), '--force'];
  const { code, stderr } = await medix(folder, ...args);
  expect(stderr).toMatch(message);
  expect(code).toBe(1);
  expect(await linesIn('none.jsonl')).toBe(given.length);
});
