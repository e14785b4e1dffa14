import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MedixError, type Problem } from '../core/errors.ts';
import { sourcesOf } from './data-config.ts';
import { readHubAccess, readSecrets } from './environment.ts';
import { formatFields, listFields } from './field-list.ts';
import { type ConfigSource, readConfig } from './read-config.ts';
import { sftConfigSchema } from './sft-config.ts';
import { trainConfigSchema } from './train-config.ts';

const required = ['model=models/tiny', 'data.train=train.parquet'];

async function configFile(text: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'medix-config-')), 'recipe.yaml');
  await writeFile(path, text);
  return path;
}

async function problemsIn(source: ConfigSource): Promise<readonly Problem[]> {
  const error = await readConfig(trainConfigSchema, source).catch((thrown: unknown) => thrown);
  if (!(error instanceof MedixError)) throw new Error('expected the config to be refused');
  expect(error.boundary).toBe('config');
  return error.problems;
}

describe('reading a config', () => {
  test('fills in every default', async () => {
    const config = await readConfig(trainConfigSchema, { overrides: required });
    expect(config.rollout).toEqual({
      promptsPerIteration: 16,
      groupSize: 8,
      maxCompletionTokens: 256,
      curriculum: null,
    });
    expect(config.reward.judge).toEqual({ kind: 'reference-match' });
    expect(config.algorithm.preset).toBe('dapo');
  });

  test('lays key=value over the file, the last one winning', async () => {
    const base = await configFile('model: a\ndata: {train: b}\nrollout: {groupSize: 4}\n');
    const overrides = [
      'rollout.groupSize=6',
      'rollout.groupSize=12',
      'algorithm.filter={low: 0.1, high: 0.9}',
    ];
    const config = await readConfig(trainConfigSchema, { base, overrides });
    expect(config.rollout.groupSize).toBe(12);
    expect(config.algorithm.filter).toEqual({ low: 0.1, high: 0.9 });
    expect(config.model).toBe('a');
  });

  test('reads back what it resolved to the same config', async () => {
    const config = await readConfig(trainConfigSchema, { overrides: required });
    const again = await readConfig(trainConfigSchema, { base: config, overrides: [] });
    expect(again).toEqual(config);
  });

  test('reports everything that is wrong at once, each with its place', async () => {
    const base = await configFile('model: a\nrolout: {}\ndata: {train: b}\niterations: 1.5\n');
    const problems = await problemsIn({
      base,
      overrides: ['rollout.groupSize=0', 'seed=abc', 'nonsense', 'reward.judge.kind=oracle'],
    });
    expect(problems.map(({ where }) => where)).toEqual(
      expect.arrayContaining([
        `${base}: rolout`,
        `${base}: iterations`,
        'command line: rollout.groupSize',
        'command line: seed',
        'command line: reward.judge.kind',
        'command line',
      ]),
    );
    expect(problems).toHaveLength(6);
  });

  test('says what was expected and found', async () => {
    const [problem] = await problemsIn({ overrides: [...required, 'optimizer.beta1=1'] });
    expect(problem).toMatchObject({ expected: 'a number below 1', got: '1' });
  });

  test('proposes the field that was probably meant', async () => {
    const [problem] = await problemsIn({ overrides: [...required, 'rollout.groupsize=4'] });
    expect(problem?.next).toContain('rollout.groupSize');
  });

  test('places a problem on the command line that gave the field, a part of it or all around it', async () => {
    const base = await configFile('model: a\ndata: {train: b}\noptimizer: {beta3: 1}\n');
    const overrides = ['rollout={x: 1, groupSize: 4}', 'rollout.groupSize=5', 'reward=1'];
    const places = (await problemsIn({ base, overrides })).map(({ where }) => where);
    expect(places).toContain('command line: rollout.x');
    expect(places).toContain('command line: reward');
    expect(places).toContain(`${base}: optimizer.beta3`);
  });

  test('says of 60,000 unknown fields in moments that they are unknown', async () => {
    const overrides = Array.from({ length: 60_000 }, (_, n) => `optimizer.unknown${n}=1`);
    expect(await problemsIn({ overrides: [...required, ...overrides] })).toHaveLength(60_000);
  });

  test('wants a number of phantoms, since they are endless', async () => {
    const [problem] = await problemsIn({ overrides: ['model=a', 'data.train=phantoms'] });
    expect(problem?.where).toContain('data.trainCount');
  });

  test('takes several training sets by weight, each with columns of its own where it says so', async () => {
    const train = '[{from: a.csv, weight: 3, columns: {answer: label}}, {from: b.parquet}]';
    const { data } = await readConfig(trainConfigSchema, {
      overrides: ['model=m', `data.train=${train}`, 'data.columns.answer=text'],
    });
    const sources = sourcesOf(data, 'train');
    expect(sources.map(({ from, weight, columns }) => [from, weight, columns.answer])).toEqual([
      ['a.csv', 3, 'label'],
      ['b.parquet', 1, 'text'],
    ]);
    const [problem] = await problemsIn({
      overrides: ['model=m', 'data.train=[{from: a, weight: 0}]'],
    });
    expect(problem?.where).toContain('data.train');
    const phantoms = ['model=m', 'data.train=[{from: a}, {from: phantoms}]'];
    expect((await problemsIn({ overrides: phantoms }))[0]?.where).toContain('data.trainCount');
  });

  test('does not let an override reach a prototype', async () => {
    const [problem] = await problemsIn({ overrides: [...required, '__proto__.polluted=1'] });
    expect(problem?.where).toBe('command line');
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  test.each([
    ['a missing file', 'no-such.yaml'],
    ['a file that is no section', undefined],
  ])('names %s', async (_, path) => {
    const base = path ?? (await configFile('- 1\n- 2\n'));
    const [problem] = await problemsIn({ base, overrides: [] });
    expect(problem?.where).toBe(base);
  });

  test('takes a new or a given model for fine-tuning', async () => {
    const given = await readConfig(sftConfigSchema, { overrides: required });
    expect(given.model).toBe('models/tiny');
    const made = await readConfig(sftConfigSchema, {
      overrides: ['model.preset=mini', 'data.train=x'],
    });
    expect(made.model).toEqual({ preset: 'mini', imageSize: 64, vocabularySize: 1024 });
  });

  test('takes a learning rate that suits what fine-tuning starts from, unless one is given', async () => {
    const rateOf = async (...overrides: string[]) => {
      const config = await readConfig(sftConfigSchema, {
        overrides: ['data.train=x', ...overrides],
      });
      return config.optimizer.learningRate;
    };
    expect(await rateOf('model.preset=mini')).toBe(1e-3);
    expect(await rateOf('model=folder')).toBe(1e-5);
    expect(await rateOf('model=folder', 'optimizer.learningRate=null')).toBe(1e-5);
    expect(await rateOf('model.preset=mini', 'optimizer.learningRate=2e-4')).toBe(2e-4);
  });

  test('refuses an adapter on a new model, whose weights are kept nowhere', async () => {
    const overrides = ['model.preset=mini', 'data.train=x', 'engine.kind=local', 'engine.lora={}'];
    await expect(readConfig(sftConfigSchema, { overrides })).rejects.toThrow(
      /engine\.lora: expected null where the model is a new one/,
    );
  });
});

describe('the field list', () => {
  test('documents every field of both configs', () => {
    for (const schema of [trainConfigSchema, sftConfigSchema]) {
      const fields = listFields(schema);
      expect(fields.filter(({ description }) => description === '')).toEqual([]);
      expect(formatFields(fields)).toContain('optimizer.learningRate');
    }
  });
});

describe('the environment', () => {
  const judge = {
    kind: 'openai',
    url: 'http://127.0.0.1:1/v1',
    model: 'm',
    apiKeyEnv: 'JUDGE_KEY',
  };

  test('gives the API keys a config names and nothing else', async () => {
    const { reward } = await readConfig(trainConfigSchema, {
      base: { model: 'a', data: { train: 'b' }, reward: { judge } },
      overrides: [],
    });
    expect(readSecrets(reward, { JUDGE_KEY: 'k', OTHER: 'x' })).toEqual({
      judgeApiKeys: ['k'],
    });
    expect(() => readSecrets(reward, {})).toThrow(/JUDGE_KEY/);
  });

  test('gives access to the hub where it is set', () => {
    expect(readHubAccess({ HF_TOKEN: 't' })).toEqual({ token: 't' });
    expect(readHubAccess({})).toEqual({});
  });

  test('names proxies in small letters or capitals, and refuses one that is none', () => {
    const variables = { https_proxy: 'proxy.local:3128', HTTP_PROXY: 'http://a:1', NO_PROXY: 'b' };
    expect(readHubAccess(variables).proxies).toEqual({
      http: 'http://a:1',
      https: 'http://proxy.local:3128',
      none: 'b',
    });
    expect(() => readHubAccess({ HTTPS_PROXY: 'socks5://me:secret@host' })).toThrow(
      /HTTPS_PROXY: expected the address of an HTTP proxy.*not shown/,
    );
    expect(readHubAccess({ NO_PROXY: 'b' })).toEqual({});
  });
});
