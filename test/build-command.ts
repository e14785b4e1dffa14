/** Builds `dist/` before the tests that run the command: they test what ships, and it starts faster. */
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import command from '../rolldown.config.ts';

/** `stop-at-write.ts`, as Node can load it before the command. */
export const builtStopAtWrite = fileURLToPath(
  new URL('../node_modules/.cache/medix-tests/stop-at-write.js', import.meta.url),
);

export async function setup(): Promise<void> {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  await build({ ...command, cwd, logLevel: 'warn' });
  await build({
    cwd,
    input: 'test/kill/stop-at-write.ts',
    platform: 'node',
    output: { file: builtStopAtWrite, format: 'esm' },
    logLevel: 'warn',
  });
}
