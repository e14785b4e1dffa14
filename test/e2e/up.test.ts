/** `medix up` with a stand-in for vLLM. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { freePort, medix, startMedix, temporaryFolder } from './medix.ts';

const folder = await temporaryFolder();
const fake = fileURLToPath(new URL('../fixtures/fake-vllm.mjs', import.meta.url));

describe('medix up', () => {
  it('starts servers, says how they are used, and ends them with itself', async () => {
    const [judge, embedder] = [`${await freePort()}`, `${await freePort()}`];
    const running = startMedix(
      folder,
      [
        ...['up', '--command', fake, '--judge', 'J', '--judge-port', judge],
        ...['--embedder', 'E', '--embedder-port', embedder],
      ],
      (line) => {
        if (line.startsWith('all servers')) running.kill('SIGINT');
      },
    );
    const { stdout, stderr } = await running.outcome;
    expect(stderr).toBe('');
    expect(stdout).toContain(
      `reward.judge={kind: openai, url: "http://127.0.0.1:${judge}/v1", model: J}`,
    );
    expect(await readFile(join(folder, 'logs', 'embedder.log'), 'utf8')).toContain(
      '--runner pooling',
    );
    await expect(fetch(`http://127.0.0.1:${judge}/health`)).rejects.toThrow();
  });

  it('tells the end of the log of a server that dies, and ends the others', async () => {
    const [judge, policy] = [`${await freePort()}`, `${await freePort()}`];
    const { code, stderr } = await medix(
      folder,
      ...['up', '--command', fake, '--judge', 'J', '--judge-port', judge],
      ...['--policy', 'dies', '--policy-port', policy],
    );
    expect(code).toBe(1);
    expect(stderr).toContain('CUDA out of memory');
    await expect(fetch(`http://127.0.0.1:${judge}/health`)).rejects.toThrow();
  });

  it('finds a taken port before it starts anything, a missing program, and one that never answers', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = String(typeof address === 'object' && address !== null ? address.port : 0);
    const clash = await medix(
      folder,
      'up',
      '--command',
      fake,
      '--judge',
      'J',
      '--judge-port',
      port,
    );
    taken.close();
    expect(clash.stderr).toMatch(/expected a free port/);
    const free = `${await freePort()}`;
    const missing = await medix(
      folder,
      'up',
      '--command',
      './none',
      '--judge',
      'J',
      '--judge-port',
      free,
    );
    expect(missing.stderr).toMatch(/install vLLM/);
    const late = await medix(
      folder,
      ...['up', '--command', fake, '--judge', 'hangs', '--judge-port', free, '--timeout', '1'],
    );
    expect(late.stderr).toMatch(/an answer at \/health within 1 s/);
  });
});
