import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { tinyModelDirectory } from '../../../model/tiny-model.fixture.ts';
import { connectTinker } from '../../../tinker/client.ts';
import { openLocalEngine } from '../../local/local-engine.ts';
import { readLocalFiles } from '../open-tinker-engine.ts';
import { type ServerScript, startTinkerServer } from '../tinker-server.fixture.ts';
import { examine } from './doctor.ts';
import { requireFit } from './require-fit.ts';

const files = await readLocalFiles(tinyModelDirectory);
const cache = await mkdtemp(join(tmpdir(), 'medix-doctor-'));
afterAll(() => rm(cache, { recursive: true }));
const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const never = new AbortController().signal;

async function examined(script: ServerScript) {
  const server = await startTinkerServer(
    () => openLocalEngine(tinyModelDirectory),
    files.images,
    script,
  );
  closing.push(server.close);
  const client = await connectTinker({ url: server.url });
  closing.push(client.close);
  return { server, asked: { ...files, client, baseModel: 'tiny', rank: 0 } };
}

async function verdictOn(script: ServerScript, onlyMusts = true) {
  const { asked } = await examined(script);
  const verdict = await examine({ ...asked, onlyMusts }, never);
  const failed = verdict.probes.filter(({ outcome }) => outcome.kind === 'failed');
  return { verdict, failed: failed.map(({ name }) => name) };
}

it('finds nothing wrong with a server that keeps the protocol', async () => {
  const { verdict, failed } = await verdictOn({}, false);
  expect(failed).toEqual([]);
  expect(verdict.probes.every(({ outcome }) => outcome.kind === 'passed')).toBe(true);
  expect(verdict).toMatchObject({
    normalisation: 'sum over tokens',
    blind: null,
  });
  const losses = verdict.probes.find(({ name }) => name === 'losses');
  expect(losses?.outcome).toEqual({
    kind: 'passed',
    found: 'cross_entropy, importance_sampling, ppo, cispo',
  });
  expect(verdict.losses).toEqual(['ppo', 'cispo']);
});

it('trusts no loss of a server that computes another one by its name', async () => {
  const { verdict, failed } = await verdictOn({ neverClips: true });
  expect(failed).toEqual([]);
  expect(verdict.losses).toEqual(['cispo']);
});

it('measures what a server averages over', async () => {
  const { verdict, failed } = await verdictOn({ averages: true });
  expect(failed).toEqual([]);
  expect(verdict.normalisation).toBe(
    'mean over the tokens of a sequence, mean over the sequences of a step',
  );
});

it('finds images that are dropped silently by the sampler', async () => {
  const { verdict, failed } = await verdictOn({ dropsImages: 'sampler' });
  expect(failed).toContain('images reach the sampler');
  expect(failed).not.toContain('images reach the trainer');
  expect(verdict.blind).toMatch(/the sampler drops images/);
});

it('finds images that are dropped silently by the trainer', async () => {
  const { verdict, failed } = await verdictOn({ dropsImages: 'trainer' });
  expect(failed).toContain('images reach the trainer');
  expect(verdict.blind).toMatch(/the trainer drops images/);
});

it.each(['all', 'together'] as const)(
  'finds logprobs that come from truncated scores: %s',
  async (truncates) => {
    const { failed, verdict } = await verdictOn({ truncates });
    expect(failed).toContain('sampler and trainer agree');
    const { outcome } = verdict.probes.find(({ name }) => name === 'sampler and trainer agree')!;
    expect(outcome).toMatchObject({
      found: expect.stringMatching(/asked for together, .*not drawn from the policy/),
    });
  },
);

it('finds a sampler that does not draw', async () => {
  const { verdict, failed } = await verdictOn({ takesLikeliest: true });
  expect(failed).toContain('sampler and trainer agree');
  const { outcome } = verdict.probes.find(({ name }) => name === 'sampler and trainer agree')!;
  expect(outcome).toMatchObject({
    found: expect.stringContaining('it takes the most likely tokens'),
  });
});

it('finds a server that applies a repeated request twice', async () => {
  const { failed } = await verdictOn({ forgetsNumbers: true });
  expect(failed).toEqual(['requests count once']);
});

it('is asked once for a server and model, and lets training begin', async () => {
  const { server, asked } = await examined({});
  const first = await requireFit({ ...asked, cache }, never, () => 1000);
  const steps = server.applied.length;
  expect(first.findings).toEqual({
    normalisation: 'sum over tokens',
    losses: ['ppo', 'cispo'],
  });
  const second = await requireFit({ ...asked, cache }, never, () => 2000);
  expect(second.verdict).toEqual(first.verdict);
  expect(server.applied.length).toBe(steps);
  expect(server.models).toBe(0);
});

it('refuses to train on a server that fails a must, saying what was found', async () => {
  const { asked } = await examined({ truncates: 'all' });
  await expect(requireFit({ ...asked, cache }, never)).rejects.toMatchObject({
    boundary: 'engine',
    problems: [
      {
        got: expect.stringContaining('completions are not drawn from the policy'),
        next: expect.stringContaining('medix doctor'),
      },
    ],
  });
});
