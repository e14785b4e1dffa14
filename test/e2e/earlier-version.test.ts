/**
 * Resumes a run and evaluations that an earlier version wrote and that were killed; see
 * test/fixtures/earlier-version/README.md.
 */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import {
  type MisbehavingServer,
  startMisbehavingServer,
} from '../../src/http/misbehaving-server.fixture.ts';
import { readMetrics, readRollouts } from '../../src/run/run-reader.ts';
import { medix, temporaryFolder } from './medix.ts';

const earlier = fileURLToPath(new URL('../fixtures/earlier-version/', import.meta.url));
const folder = await temporaryFolder();

async function replaceIn(path: string, pairs: Readonly<Record<string, string>>): Promise<void> {
  let text = await readFile(path, 'utf8');
  for (const [before, after] of Object.entries(pairs)) text = text.replaceAll(before, after);
  await writeFile(path, text);
}

/** The process that wrote the attempt was killed on this machine. */
const onThisMachine = () => ({ '"host": "vm"': `"host": ${JSON.stringify(hostname())}` });

test('a run of an earlier version is resumed and ends as it would have', async () => {
  await cp(join(earlier, 'run'), folder, { recursive: true });
  await replaceIn(join(folder, 'killed', 'attempts', '0001.json'), onThisMachine());
  const { code, stderr } = await medix(folder, 'train', '--resume', 'killed');
  expect(stderr).toBe('');
  expect(code).toBe(0);

  for (const [iteration, kind] of [
    [3, 'training'],
    [4, 'training'],
    [4, 'validation'],
  ] as const) {
    const resumed = await readRollouts(join(folder, 'killed'), iteration, kind);
    const expected = await readRollouts(join(folder, 'expected'), iteration, kind);
    expect(resumed.map(whatWasSaid)).toEqual(expected.map(whatWasSaid));
  }
  const resumed = await readMetrics(join(folder, 'killed'));
  const expected = await readMetrics(join(folder, 'expected'));
  expect(resumed.map(({ iteration }) => iteration)).toEqual([0, 1, 2, 3, 4]);
  for (const [i, { values }] of expected.entries()) {
    for (const [key, value] of Object.entries(values)) {
      if (/^(time|usage)\//.test(key) || value === null) continue;
      // Processors round the last bits of a matrix product differently.
      expect(resumed[i]?.values[key], `${key} of iteration ${i}`).toBeCloseTo(value, 4);
    }
  }
});

function whatWasSaid({
  key,
  sampleId,
  completion,
  stopReason,
  reward,
  components,
  use,
}: Awaited<ReturnType<typeof readRollouts>>[number]) {
  return { key, sampleId, completion, stopReason, reward, components, use };
}

describe('an evaluation of an earlier version', () => {
  const organs = ['liver', 'spleen', 'kidney', 'lung'];
  const numberIn = (text: string) => Number(/number (\d+)/.exec(text)?.[1]);
  let model: MisbehavingServer;
  let judge: MisbehavingServer;

  beforeAll(async () => {
    const healthy = () => undefined;
    model = await startMisbehavingServer(healthy, {
      models: ['vlm'],
      reply: (text) => {
        const number = numberIn(text);
        const answer = /^A\. /m.test(text)
          ? `The answer is ${'ABCD'[number % 3]}`
          : organs[number % 5 === 0 ? 0 : number % 4];
        return `<think>Number ${number}.</think> ${answer}`;
      },
    });
    judge = await startMisbehavingServer(healthy, {
      models: ['judge'],
      reply: (text) => JSON.stringify({ correct: numberIn(text) % 4 !== 1 }),
    });
    await cp(join(earlier, 'evaluation'), folder, { recursive: true });
  });
  afterAll(() => {
    model.stop();
    judge.stop();
  });

  it.each(['killed-generating', 'killed-judging'])(
    '(%s) is resumed to the bytes of an undisturbed one, without asking again what was answered',
    async (name) => {
      const manifest = join(folder, name, 'manifest.json');
      const urls = [...(await readFile(manifest, 'utf8')).matchAll(/http:[^"]+/g)].map(
        ([url]) => url,
      );
      const servers = { [urls[0] ?? '']: model.url, [urls[1] ?? '']: judge.url };
      await replaceIn(manifest, servers);
      for (const attempt of ['0001', '0002']) {
        await replaceIn(join(folder, name, 'attempts', `${attempt}.json`), onThisMachine()).catch(
          () => undefined,
        );
      }
      const calls = model.calls.length;
      const { code, stderr } = await medix(folder, 'eval', 'run', '--resume', name);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      if (name === 'killed-judging') expect(model.calls.length - calls).toBeLessThanOrEqual(1);
      expect(await reportOf(join(name, 'report.json'))).toBe(
        await reportOf('expected-report.json'),
      );
    },
  );

  /** Without what may differ between two runs that came to the same answers. */
  async function reportOf(path: string): Promise<string> {
    const { circumstances, ...report } = JSON.parse(await readFile(join(folder, path), 'utf8'));
    return JSON.stringify(report);
  }
});
