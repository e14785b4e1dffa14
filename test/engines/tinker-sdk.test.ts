/** The official Python client against `medix engine serve`. MEDIX_TINKER_PYTHON names a Python that has `tinker`. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { imagePath, startServer, temporaryFolder, tinyModel } from '../e2e/medix.ts';

const python = process.env['MEDIX_TINKER_PYTHON'];
const script = fileURLToPath(new URL('tinker_sdk.py', import.meta.url));
/** Of the image under the model's settings, and the tokens around it. */
const imageFacts = ['6', '396', '397'];

it.skipIf(python === undefined)(
  'every call of the official client is answered, or refused with a reason (skipped without MEDIX_TINKER_PYTHON)',
  async () => {
    const folder = await temporaryFolder();
    const args = ['engine', 'serve', tinyModel, '--name', 'tiny', '--port', '0'];
    const server = await startServer(folder, args, /is served at (\S+)/);
    try {
      const child = spawn(
        python ?? '',
        [script, server.told, 'tiny', imagePath('small-color.png'), ...imageFacts],
        { env: { ...process.env, TINKER_API_KEY: 'tml-test', TINKER_TELEMETRY: '0' } },
      );
      let told = '';
      child.stdout.on('data', (text) => {
        told += text;
      });
      await new Promise((resolve) => child.on('close', resolve));
      const calls = told
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(calls.filter(({ ok }) => !ok)).toEqual([]);
      expect(calls.length).toBeGreaterThan(40);
    } finally {
      server.kill('SIGTERM');
      await server.outcome;
    }
  },
);
