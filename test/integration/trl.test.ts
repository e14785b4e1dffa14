/**
 * TRL trains for real against `medix reward serve`. Needs a Python with trl, torch and transformers, named
 * by MEDIX_TRL_PYTHON; by default the one of `python3 -m venv ~/.cache/medix-integration/trl` with `pip
 * install trl torch`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { medix, startServer, temporaryFolder } from '../e2e/medix.ts';

const python =
  process.env['MEDIX_TRL_PYTHON'] ?? join(homedir(), '.cache/medix-integration/trl/bin/python');
const hasTrl = spawnSync(python, ['-c', 'import trl, torch']).status === 0;
const script = fileURLToPath(new URL('train_trl.py', import.meta.url));

type Step = Readonly<Record<string, number>>;

describe('TRL', () => {
  it('trains two GRPO steps on the rewards of the service', async (context) => {
    if (!hasTrl) context.skip(`${python} cannot import trl and torch; set MEDIX_TRL_PYTHON`);
    const folder = await temporaryFolder();
    await medix(folder, 'reward', 'bridge', 'trl', '--out', 'bridge');
    const service = await startServer(folder, ['reward', 'serve', 'port=0'], /given at (http\S+)/);
    const training = spawn(python, [script, 'bridge'], {
      cwd: folder,
      env: { ...process.env, MEDIX_REWARD_URL: service.told, HF_HUB_OFFLINE: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const printed = (await text(training.stdout)).trimEnd();
    service.kill('SIGTERM');
    expect((await service.outcome).code).toBe(0);

    const { log, moved } = JSON.parse(printed.split('\n').at(-1) ?? '') as {
      log: Step[];
      moved: number;
    };
    const steps = log.filter((entry) => entry['reward'] !== undefined);
    process.stdout.write(`${steps.map((step) => JSON.stringify(step)).join('\n')}\n`);
    expect(steps).toHaveLength(2);
    for (const step of steps) {
      expect(step['reward']).toBeGreaterThan(0);
      expect(step['reward']).toBeLessThan(1);
      expect(step['reward_std']).toBeGreaterThan(0);
      expect(step['grad_norm']).toBeGreaterThan(0);
      expect(step['medix/unscored']).toBe(0);
    }
    expect(moved).toBeGreaterThan(0);
  });
});
