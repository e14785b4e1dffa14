import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedHead, startScriptedHead } from '../../launch/ray/ray-head.fixture.ts';
import { readCheckpoints } from '../../run/checkpoints.ts';
import { readMetrics, readRollouts } from '../../run/run-reader.ts';
import { runCli } from '../main.ts';
import { createTerminal } from '../terminal.ts';

let folder: string;
let head: ScriptedHead;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-launch-'));
  head = await startScriptedHead();
});
afterEach(async () => {
  await head.close();
  await rm(folder, { recursive: true, force: true });
});

async function medix(...argv: string[]) {
  let output = '';
  let errors = '';
  const write = (text: string) => {
    output += text;
    return true;
  };
  const code = await runCli(argv, {
    context: {
      terminal: createTerminal({ write, isTTY: false } as never),
      signal: new AbortController().signal,
      clock: () => Date.now(),
    },
    printError: (text) => {
      errors += text;
    },
  });
  return { code, output, errors };
}

const config = () => [
  'model=Qwen/Qwen3-VL-2B-Instruct',
  `out=${join(folder, 'run')}`,
  'iterations=4',
  'data={train: phantoms, trainCount: 6, validation: phantoms, validationCount: 3}',
  'rollout={promptsPerIteration: 2, groupSize: 2}',
  'checkpoint.every=2',
];
const launch = (trainer: 'easyr1' | 'verl', ...more: string[]) =>
  medix('launch', trainer, '--ray', head.url, ...config(), ...more);

const record = (kind: string, fields: object) => `MEDIX ${JSON.stringify({ kind, ...fields })}\n`;
const rollout = (step: number, sample: string, response: string, reward: number) =>
  record('rollout', {
    step,
    sample,
    split: 'train',
    response,
    ground_truth: '<CT_SCAN>liver',
    question: 'Which organ?',
    tokens: 12,
    result: {
      id: '0',
      kind: 'scored',
      reward,
      components: {
        format: { kind: 'scored', value: 1 },
        judge: { kind: 'scored', value: reward },
      },
    },
  });
const metrics = (step: number, reward: number) =>
  record('metrics', { step, values: { 'reward/overall': reward, 'actor/grad_norm': 0.5 } });

describe('medix launch', () => {
  it('sends config, bridge and data with the job, and mirrors it into a run directory', async () => {
    const begun = `${record('begun', {})}loading\n${rollout(1, 'phantom/1/train/0', 'a', 1)}${rollout(1, 'phantom/1/train/0', 'b', 0)}${metrics(1, 0.5)}`;
    const more = `${begun}${metrics(2, 0.75)}${record('checkpoint', { step: 2, path: '/c/global_step_2' })}`;
    head.play(
      { state: 'PENDING', logs: '' },
      { state: 'RUNNING', logs: begun },
      { state: 'SUCCEEDED', logs: `${more}${record('ended', { code: 0 })}` },
    );
    const { code, output, errors } = await launch('easyr1');
    expect(errors).toBe('');
    expect(code).toBe(0);
    expect(output).toContain('loading');
    const [job] = head.submitted;
    expect(job).toMatchObject({ entrypoint: 'python3 medix_job.py job.json' });
    const [[name, bytes] = ['', Buffer.alloc(0)]] = [...head.packages];
    expect(job).toMatchObject({ runtime_env: { working_dir: `gcs://${name}` } });
    const files = unzipSync(bytes);
    const rows = Buffer.from(files['data/train.jsonl'] ?? [])
      .toString()
      .trim()
      .split('\n');
    expect(rows).toHaveLength(6);
    const row = JSON.parse(rows[0] ?? '') as { problem: string; answer: string; images: string[] };
    expect(row.problem.split('<image>')).toHaveLength(row.images.length + 1);
    expect(JSON.parse(row.answer)).toMatchObject({ id: 'phantom/1/train/0', split: 'train' });
    expect(files[`data/images/${row.images[0]}`]?.length).toBeGreaterThan(100);

    const run = join(folder, 'run');
    expect((await readMetrics(run)).map(({ iteration, values }) => [iteration, values])).toEqual([
      [1, { 'reward/mean': 0.5, 'easyr1/actor/grad_norm': 0.5 }],
      [2, { 'reward/mean': 0.75, 'easyr1/actor/grad_norm': 0.5 }],
    ]);
    expect(
      (await readRollouts(run, 1, 'training')).map(({ key, reward }) => [key, reward]),
    ).toEqual([
      ['1/phantom/1/train/0/0', 1],
      ['1/phantom/1/train/0/1', 0],
    ]);
    expect((await readCheckpoints(run)).map(({ engine }) => engine)).toEqual([
      { engine: 'easyr1', path: '/c/global_step_2' },
    ]);
    const listed = await medix('rollouts', run, '--json');
    expect(listed.output).toContain('Which organ?');
    const replayed = await medix('replay', run, 'reward.judge.kind=reference-match');
    expect(replayed).toMatchObject({ code: 0, errors: '' });
  });

  it('goes on after the last checkpoint, without telling twice what it knows', async () => {
    const first = `${record('begun', {})}${metrics(1, 0.1)}${metrics(2, 0.2)}${record('checkpoint', { step: 2, path: '/c/global_step_2' })}${metrics(3, 0.3)}`;
    head.play({ state: 'STOPPED', logs: first });
    expect((await launch('easyr1')).output).toContain('was stopped');
    const run = join(folder, 'run');
    head.play({
      state: 'SUCCEEDED',
      logs: `${record('begun', {})}${metrics(3, 0.35)}${metrics(4, 0.4)}`,
    });
    const resumed = await medix('launch', 'resume', run);
    expect(resumed).toMatchObject({ code: 0, errors: '' });
    expect(resumed.output).toContain('goes on after iteration 2');
    expect(head.submitted).toHaveLength(2);
    expect(head.packages.size).toBe(1);
    const seen = (await readMetrics(run)).map(({ iteration, values }) => [
      iteration,
      values['reward/mean'],
    ]);
    expect(seen).toEqual([
      [1, 0.1],
      [2, 0.2],
      [3, 0.35],
      [4, 0.4],
    ]);
    const list = await medix('launch', 'checkpoints', run);
    expect(list.output).toContain('iteration 2: /c/global_step_2');
  });

  it('follows a job that was left, and stops it', async () => {
    head.play({ state: 'RUNNING', logs: '' });
    expect((await launch('verl', '--detach')).output).toContain('medix launch follow');
    const run = join(folder, 'run');
    expect(JSON.parse((await medix('launch', 'status', run, '--json')).output)).toMatchObject({
      state: 'RUNNING',
      iteration: null,
      of: 4,
    });
    await medix('launch', 'stop', run);
    expect(head.stopped).toEqual([head.submitted[0]?.['submission_id']]);
    head.play({ state: 'SUCCEEDED', logs: metrics(1, 0.5) });
    expect((await medix('launch', 'follow', run)).code).toBe(0);
    expect((await readMetrics(run)).map(({ iteration }) => iteration)).toEqual([1]);
  });

  it('says why a job died, with its last lines and the next step', async () => {
    head.play({
      state: 'FAILED',
      logs: `${record('begun', {})}Traceback\nModuleNotFoundError: No module named 'verl'\n`,
      details: { error_type: 'JOB_ENTRYPOINT_COMMAND_ERROR', driver_exit_code: 1 },
    });
    const { code, errors } = await launch('easyr1');
    expect(code).toBe(1);
    expect(errors).toContain('JOB_ENTRYPOINT_COMMAND_ERROR, exit code 1');
    expect(errors).toContain("No module named 'verl'");
    expect(errors).toContain('medix launch resume');
  });

  it('says so where it died before it began', async () => {
    head.play({
      state: 'FAILED',
      logs: '',
      details: { error_type: 'RUNTIME_ENV_SETUP_FAILURE', message: 'no room on the node' },
    });
    const { errors } = await launch('easyr1');
    expect(errors).toContain('no room on the node');
    expect(errors).toContain('died before the trainer began');
  });

  it('touches nothing where the head does not answer', async () => {
    const closed = await startScriptedHead();
    await closed.close();
    const { code, errors } = await medix('launch', 'easyr1', '--ray', closed.url, ...config());
    expect(code).toBe(1);
    expect(errors).toMatch(/Ray head .*ECONNREFUSED.*ray start --head/);
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a service that is no Ray head', async () => {
    const other = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { errors } = await medix(
      'launch',
      'easyr1',
      '--ray',
      `http://127.0.0.1:${port}`,
      ...config(),
    );
    other.close();
    expect(errors).toContain('expected an answer of the Jobs API');
  });

  it('keeps values of variables out of the run', async () => {
    head.play({ state: 'SUCCEEDED', logs: '' });
    await launch('easyr1', '--env', 'MEDIX_REWARD_TOKEN=secret-value');
    expect(head.submitted[0]).toMatchObject({
      runtime_env: { env_vars: { MEDIX_REWARD_TOKEN: 'secret-value' } },
    });
    const manifest = await readFile(join(folder, 'run', 'manifest.json'), 'utf8');
    expect(manifest).toContain('MEDIX_REWARD_TOKEN');
    expect(manifest).not.toContain('secret-value');
  });

  it('shows what would be sent and asks nobody', async () => {
    const bundle = join(folder, 'bundle');
    const dry = await medix(
      'launch',
      'easyr1',
      '--ray',
      'http://127.0.0.1:9',
      '--dry-run',
      '--bundle',
      bundle,
      ...config(),
    );
    expect(dry).toMatchObject({ code: 0, errors: '' });
    expect(dry.output).toContain('rollout_batch_size: 2');
    expect((await readdir(bundle)).sort()).toEqual([
      'config.yaml',
      'data',
      'job.json',
      'medix_easyr1.py',
      'medix_job.py',
      'reward.yaml',
    ]);
    expect(head.submitted).toEqual([]);
  });
});
