/** `medix reward serve` as trainers meet it, and the bridge files that `medix reward bridge` writes. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { medix, type Outcome, startServer, temporaryFolder } from './medix.ts';

const folder = await temporaryFolder();
const driver = fileURLToPath(new URL('../fixtures/bridges/call_bridge.py', import.meta.url));
const trainers = ['easyr1', 'verl', 'trl'] as const;

const respond = (answer: string) =>
  `<CT_SCAN><thinking>I see.</thinking><answer>${answer}</answer>`;
const rowsOf = (...answers: readonly string[]) =>
  answers.map((answer) => ({
    prompt: 'What is seen?',
    response: respond(answer),
    ground_truth: '<CT_SCAN>heart attack',
  }));
const rows = rowsOf('heart attack', 'myocardial infarction', 'kidney stone');

type Service = { readonly url: string; stop(): Promise<Outcome> };

async function startService(...config: readonly string[]): Promise<Service> {
  const args = ['reward', 'serve', 'port=0', ...config];
  const running = await startServer(folder, args, /given at (http\S+)/);
  const stop = () => {
    running.kill('SIGTERM');
    return running.outcome;
  };
  return { url: running.told, stop };
}

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

describe('medix reward serve', () => {
  it('gives rewards until told to stop, keeps a journal, and ends well', async () => {
    const service = await startService('journal=calls.jsonl');
    const items = rows.map(({ response, ground_truth }) => ({ response, ground_truth }));
    const reply = await post(`${service.url}/v1/rewards`, { items });
    const { results } = (await reply.json()) as { results: { kind: string; reward: number }[] };
    expect(results.map(({ kind }) => kind)).toEqual(['scored', 'scored', 'scored']);
    expect(results[0]?.reward).toBeCloseTo(1, 12);
    expect(results[2]?.reward).toBeCloseTo(0.145, 12);
    expect(await (await fetch(`${service.url}/healthz`)).json()).toMatchObject({ status: 'ok' });
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toContain('medix_reward_items_total{outcome="scored",cause=""} 3');

    const { code, stdout } = await service.stop();
    expect(code).toBe(0);
    expect(stdout).toMatch(/the service has ended; open requests that were cancelled: 0/);
    const lines = (await readFile(join(folder, 'calls.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ route: '/v1/rewards', items });
  });

  it.each([
    ['an address others reach, without a token', ['host=0.0.0.0'], /MEDIX_REWARD_TOKEN/],
    [
      'a judge that is not there',
      ['reward.judge={kind: openai, url: "http://127.0.0.1:9/v1", model: m, attempts: 1}'],
      /^judge m: expected an answer, got transport: .*start its server/,
    ],
    [
      'fields it does not know',
      ['prot=1', 'limits.items=0'],
      /limits.items: [\s\S]*prot: .*port\?/,
    ],
    ['a journal that cannot be kept', ['journal=no/such/folder.jsonl'], /no.such.folder.jsonl/],
    ['a profile it cannot find', ['reward.profile=none.yaml'], /none.yaml/],
  ])('does not start with %s', async (_, config, message) => {
    const { code, stderr, stdout } = await medix(folder, 'reward', 'serve', 'port=0', ...config);
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
    expect(stdout).not.toMatch(/given at/);
  });
});

const python = spawnSync('python3', ['-c', 'import sys; assert sys.version_info >= (3, 10)']);
const noPython = python.status === 0 ? undefined : 'python3 of 3.10 or later is not installed';
if (noPython) process.stdout.write(`bridge files are not called: ${noPython}\n`);

describe.skipIf(noPython)('bridge files, called as their trainers do', () => {
  let judge: Server;
  /** Questions that are answered 500 before the judge says YES; Infinity for ever. */
  let failures = 0;
  let judgeUrl = '';

  beforeAll(async () => {
    judge = createServer((request, response) => {
      request.resume().on('end', () => {
        response.setHeader('content-type', 'application/json');
        if (request.method === 'GET') return response.end('{"object":"list","data":[{"id":"m"}]}');
        if (failures > 0) {
          failures--;
          return response.writeHead(500).end('{"error":"down"}');
        }
        const choice = { index: 0, finish_reason: 'stop', message: { content: 'YES' } };
        return response.end(JSON.stringify({ choices: [choice] }));
      });
    });
    await new Promise<void>((resolve) => judge.listen(0, '127.0.0.1', resolve));
    judgeUrl = `http://127.0.0.1:${(judge.address() as AddressInfo).port}/v1`;
    for (const trainer of trainers) {
      await medix(folder, 'reward', 'bridge', trainer, '--out', 'bridges');
    }
  });
  afterAll(() => judge.close());

  async function call(trainer: string, url: string, calls: readonly object[] = rows) {
    const child = spawn('python3', [driver, trainer, `bridges/medix_${trainer}.py`], {
      cwd: folder,
      env: { ...process.env, MEDIX_REWARD_URL: url },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.end(JSON.stringify(calls));
    return JSON.parse(await text(child.stdout)) as {
      rewards?: (number | null)[];
      metrics?: unknown;
      error?: string;
    };
  }

  describe('with the offline judge', () => {
    let service: Service;
    beforeAll(async () => {
      service = await startService('journal=null');
    });
    afterAll(() => service.stop());

    it.each(trainers)('%s gets rewards and metrics', async (trainer) => {
      const { rewards, metrics } = await call(trainer, service.url);
      expect(rewards?.[0]).toBeCloseTo(1, 12);
      expect(rewards?.[2]).toBeCloseTo(0.145, 12);
      const ruled = { similarity: 1, modality: 1, format: 1 };
      expect(metrics).toMatchObject(
        {
          easyr1: [{ ...ruled, accuracy: 1 }, {}, {}],
          verl: [{ ...ruled, acc: 1, judge: 1 }, {}, {}],
          trl: { 'medix/unscored': 0, 'medix/modality': 1, 'medix/format': 1 },
        }[trainer],
      );
    });

    it.each(trainers)('%s raises for a malformed row', async (trainer) => {
      const malformed = [{ ...rows[0], ground_truth: '<SELFIE>x' }];
      const { error } = await call(trainer, service.url, malformed);
      expect(error).toMatch(/^RewardServiceError: item 0 is malformed: .*SELFIE/);
    });

    it.each(trainers)('%s raises where nobody listens', async (trainer) => {
      const { error } = await call(trainer, 'http://127.0.0.1:9');
      expect(error).toMatch(/^RewardServiceError: .*Connection refused.*\(4 attempts\)/);
    });
  });

  describe('with a judge that fails', () => {
    let service: Service;
    beforeAll(async () => {
      service = await startService(
        'journal=null',
        `reward.judge={kind: openai, url: "${judgeUrl}", model: m, attempts: 1, cache: null}`,
      );
    });
    afterAll(() => service.stop());

    it.each(trainers)('%s asks again while it stumbles', async (trainer) => {
      failures = 2;
      const answers = [`infarction, says ${trainer}`, `stone, says ${trainer}`];
      const { rewards } = await call(trainer, service.url, rowsOf(...answers));
      expect(failures).toBe(0);
      expect(rewards).toEqual([expect.closeTo(0.6625, 9), expect.closeTo(0.6625, 9)]);
    });

    it.each(['easyr1', 'verl'])('%s raises, and gives no 0, while it is down', async (trainer) => {
      failures = Number.POSITIVE_INFINITY;
      const { error, rewards } = await call(trainer, service.url);
      expect(rewards).toBeUndefined();
      expect(error).toMatch(/^RewardServiceError: item \d has no reward: transport: /);
    });

    it('trl gives None for what it did not answer, and the others their rewards', async () => {
      failures = Number.POSITIVE_INFINITY;
      const { rewards, metrics } = await call('trl', service.url);
      expect(rewards).toEqual([expect.closeTo(1, 12), null, null]);
      expect(metrics).toMatchObject({ 'medix/unscored': expect.closeTo(2 / 3, 9) });
    });
  });

  describe('with images', () => {
    const withImages = fileURLToPath(
      new URL('../fixtures/bridges/call_with_images.py', import.meta.url),
    );
    const pictures = ['one', 'two', 'three'].map((name) => Buffer.from(`a picture of ${name}`));
    const calls = rows.map((row, place) => ({
      ...row,
      image: pictures[place]?.toString('base64'),
    }));
    let service: Service;
    beforeAll(async () => {
      // Questions without images are scored without their modality.
      const shipped = fileURLToPath(
        new URL('../../assets/reward-profiles/medix-r1.yaml', import.meta.url),
      );
      const profile = (await readFile(shipped, 'utf8')).replace(
        /^textOnly: .*$/m,
        'textOnly: [judge, similarity, format]',
      );
      await writeFile(join(folder, 'by-image.yaml'), profile);
      service = await startService('journal=seen.jsonl', 'reward.profile=by-image.yaml');
    });
    afterAll(() => service.stop());

    async function callWithImages(way: string) {
      const [trainer = ''] = way.split('-');
      const child = spawn('python3', [withImages, way, `bridges/medix_${trainer}.py`], {
        cwd: folder,
        env: { ...process.env, MEDIX_REWARD_URL: service.url },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      child.stdin.end(JSON.stringify(calls));
      return JSON.parse(await text(child.stdout)) as { rewards?: number[]; error?: string };
    }

    it.each(['trl', 'trl-messages', 'verl'])('%s sends those that it has', async (way) => {
      const { rewards } = await callWithImages(way);
      expect(rewards?.[0]).toBeCloseTo(1, 12);
      // A wrong answer has the modality and the format: with images both count.
      expect(rewards?.[2]).toBeCloseTo(0.145, 12);
      const lines = (await readFile(join(folder, 'seen.jsonl'), 'utf8')).trimEnd().split('\n');
      const items = lines
        .flatMap(
          (line) => (JSON.parse(line) as { items: { id: string; images: string[] }[] }).items,
        )
        .slice(-calls.length);
      for (const { id, images } of items) {
        const digest = createHash('sha256')
          .update(pictures[Number(id)] ?? '')
          .digest('hex');
        expect(images).toEqual([digest]);
      }
    });

    it.each(['trl-placeholder', 'easyr1'])(
      '%s is refused where it has none to send',
      async (way) => {
        const { error } = await callWithImages(way);
        expect(error).toMatch(/^RewardServiceError: item 0 is malformed: images: missing/);
      },
    );
  });

  describe('with a token', () => {
    afterEach(() => vi.unstubAllEnvs());

    it('ask with the one of MEDIX_REWARD_TOKEN, without which they are refused', async () => {
      vi.stubEnv('MEDIX_REWARD_TOKEN', 'a secret');
      const service = await startService('journal=null');
      expect((await call('easyr1', service.url)).rewards).toHaveLength(3);
      const item = { response: 'x', label: '<CT_SCAN>x', prompt: 'x' };
      const basic = { authorization: `Basic ${Buffer.from('medix:a secret').toString('base64')}` };
      expect((await post(`${service.url}/rm`, item, basic)).status).toBe(200);
      vi.stubEnv('MEDIX_REWARD_TOKEN', 'another');
      const { error } = await call('easyr1', service.url);
      expect(error).toMatch(/^RewardServiceError: .*HTTP 401/);
      const { stdout, stderr } = await service.stop();
      expect(stdout + stderr).not.toMatch(/a secret|another/);
    });
  });
});
