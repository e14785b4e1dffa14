/**
 * `medix launch` against a real Ray head, whose job calls back to a real reward service. MEDIX_RAY_PYTHON names a
 * Python that has `ray[default]` and PyYAML:
 *
 *     python3 -m venv ray && ray/bin/pip install 'ray[default]' && MEDIX_RAY_PYTHON=$PWD/ray/bin/python
 */
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMetrics, readRollouts } from '../../src/run/run-reader.ts';
import {
  freePort,
  medix,
  type Server,
  startMedix,
  startServer,
  temporaryFolder,
} from '../e2e/medix.ts';

const python = process.env['MEDIX_RAY_PYTHON'];
const trainer = fileURLToPath(new URL('../fixtures/ray', import.meta.url));
const run = promisify(execFile);

describe.skipIf(python === undefined)('a job on a Ray cluster (MEDIX_RAY_PYTHON)', async () => {
  const folder = await temporaryFolder();
  const ray = join(dirname(python ?? ''), 'ray');
  const environment = { ...process.env, RAY_DISABLE_IMPORT_WARNING: '1' };
  let head = '';
  let service: Server;

  beforeAll(async () => {
    const [port, gcs] = [await freePort(), await freePort()];
    head = `http://127.0.0.1:${port}`;
    await run(
      ray,
      [
        ...['start', '--head', '--node-ip-address=127.0.0.1', `--port=${gcs}`, '--num-cpus=2'],
        ...['--dashboard-host=127.0.0.1', `--dashboard-port=${port}`, '--disable-usage-stats'],
        ...['--object-store-memory=100000000', `--temp-dir=/tmp/medix-ray-${port}`],
      ],
      { env: environment },
    );
    service = await startServer(folder, ['reward', 'serve', 'port=0'], /given at (http\S+)/);
  });
  afterAll(async () => {
    service?.kill('SIGTERM');
    await run(ray, ['stop', '--force'], { env: environment });
  });

  const launch = (out: string, ...more: string[]) => [
    ...['launch', 'easyr1', '--ray', head, '--reward-url', service.told],
    ...['--python', python ?? '', '--checkpoints', join(folder, 'checkpoints')],
    ...['--env', `PYTHONPATH=${trainer}`, ...more],
    ...['model=Qwen/Qwen3-VL-2B-Instruct', `out=${out}`, 'iterations=4'],
    ...['data={train: phantoms, trainCount: 6}', 'rollout={promptsPerIteration: 2, groupSize: 2}'],
    ...['checkpoint.every=1', 'validation.every=1'],
  ];

  it('is followed with its metrics, rollouts and rewards', async () => {
    const { code, stdout, stderr } = await medix(folder, ...launch('whole'));
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('resumed after 0');
    const out = join(folder, 'whole');
    const rewards = (await readMetrics(out)).map(({ values }) => values['reward/mean']);
    expect(rewards).toHaveLength(4);
    const rollouts = await readRollouts(out, 1, 'training');
    expect(rollouts.map(({ reward }) => reward).sort()).toEqual([0, 0, 1, 1]);
    const replay = await medix(folder, 'replay', 'whole', 'reward.judge.kind=reference-match');
    expect(replay).toMatchObject({ code: 0, stderr: '' });
  });

  it('is stopped, and goes on from its last checkpoint', async () => {
    const hold = join(folder, 'hold');
    await writeFile(hold, '');
    const following = startMedix(
      folder,
      launch('parts', '--env', `MEDIX_TEST_HOLD=${hold}`),
      (line) => {
        if (line.startsWith('iteration 2 ')) void medix(folder, 'launch', 'stop', 'parts');
      },
    );
    const stopped = await following.outcome;
    expect(stopped.stdout).toContain('was stopped');
    await rm(hold);
    const resumed = await medix(
      folder,
      ...['launch', 'resume', 'parts', '--python', python ?? ''],
      ...['--env', `PYTHONPATH=${trainer}`, '--env', 'MEDIX_TEST_HOLD='],
    );
    expect(resumed.stderr).toBe('');
    expect(resumed.stdout).toMatch(/resumed after [12]/);
    const iterations = (await readMetrics(join(folder, 'parts'))).map(({ iteration }) => iteration);
    expect(iterations).toEqual([1, 2, 3, 4]);
  });

  it('that dies is told with its last lines', async () => {
    const [, ...rest] = launch('dead');
    const argv = ['launch', ...rest].map((word) => (word.startsWith('PYTHONPATH=') ? 'X=1' : word));
    const { code, stderr } = await medix(folder, ...argv);
    expect(code).toBe(1);
    expect(stderr).toMatch(/No module named|Error while finding module/);
  });
});
