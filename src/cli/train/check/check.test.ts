import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainConfigSchema } from '../../../config/train-config.ts';
import { type Clock, systemClock } from '../../../core/async/clock.ts';
import { createTestClock } from '../../../core/async/test-clock.fixture.ts';
import { packageFile } from '../../../core/package-file.ts';
import { phantomSample } from '../../../data/phantoms/study.ts';
import { parameterSpecs } from '../../../model/parameters.ts';
import { runCli } from '../../main.ts';
import { createTerminal } from '../../terminal.ts';
import { checkTraining } from './check.ts';
import { publishedModel } from './published-models.ts';
import { checkLines } from './view.ts';

const folder = await mkdtemp(join(tmpdir(), 'medix-check-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const startModel = fileURLToPath(packageFile('assets/start-model'));

const small = {
  model: startModel,
  out: join(folder, 'new'),
  iterations: 10,
  data: {
    train: 'phantoms',
    trainCount: 12,
    validation: 'phantoms',
    validationCount: 6,
    template: 'question',
  },
  rollout: { promptsPerIteration: 2, groupSize: 2, maxCompletionTokens: 30 },
};

/** By default pauses between attempts pass at once. */
function check(config: object, prompts: number, clock: Clock = createTestClock(120_000)) {
  return checkTraining(trainConfigSchema.parse(config), [], prompts, {
    hub: { endpoint: 'http://127.0.0.1:9' },
    readSecrets: () => ({}),
    machine: { memoryBytes: 24 * 2 ** 30, cores: 2, multipliesIntegers: async () => true },
    load: 0,
    clock,
    signal: new AbortController().signal,
    runs: join(folder, 'runs'),
    benchmarks: join(folder, 'cache'),
    onProgress: () => {},
  });
}

describe('a plan of a run that may start', () => {
  it('says what is sampled, shown and expected, and leaves nothing behind', async () => {
    const report = await check(small, 4);
    expect(report.mayStart).toBe(true);
    expect(report.config.facts).toMatchObject({ rolloutsPerIteration: 4, optimizerSteps: 10 });
    expect(report.config.facts?.given).toMatchObject({ iterations: 10, 'data.train': 'phantoms' });
    expect(report.model.facts).toMatchObject({ source: 'files', contextLength: 1024 });
    expect(report.data.facts).toMatchObject({
      rows: 12,
      compared: 12,
      validationRows: 6,
      rejected: {},
      prompts: { made: 12, imageTokens: { median: 16, max: 16 }, rejected: 0 },
      twice: { images: 12, repeated: 0 },
    });
    const shown = report.data.facts?.shown ?? [];
    expect(shown).toHaveLength(5);
    expect(shown[0]?.prompt).toMatch(
      /^<\|im_start\|>user\n<\|vision_start\|><\|image_pad\|>×16<\|vision_end\|>.*<\|im_end\|>\n/,
    );
    expect(report.headroom.facts).toMatchObject({ prompts: 4, groupSize: 2, unscored: 0 });
    expect(report.baselines.facts?.blind?.answers).toBe(4);
    expect(report.time.facts).toMatchObject({ by: 'measured', past: [] });
    const lines = checkLines(report).join('\n');
    expect(lines).toMatch(/^config: fine$/m);
    expect(lines).toMatch(/^ {2}no past run of this model/m);
    expect(lines).toMatch(/The run may start\.$/);
  });

  it('samples nothing where no prompts are wanted, and says what it then does not know', async () => {
    const report = await check(small, 0);
    expect(report.mayStart).toBe(true);
    expect(report.headroom).toMatchObject({ verdict: 'not checked', facts: null });
    expect(report.headroom.remarks[0]?.text).toBe('Nothing was sampled: --prompts is 0.');
    expect(report.baselines.facts).toMatchObject({ blind: null, constant: { rows: 12 } });
    expect(report.time.facts?.by).toBe('arithmetic');
  });
});

describe('a plan of rows', () => {
  const rowOf = async (index: number, changes: object = {}) => {
    const { images, problem, referenceAnswer } = await phantomSample({
      seed: 9,
      split: 'train',
      index,
    });
    const image = images.map(({ bytes }) => Buffer.from(bytes).toString('base64'));
    return {
      id: `row-${index}`,
      image,
      problem,
      solution: `<X_RAY>${referenceAnswer}`,
      ...changes,
    };
  };
  const write = async (name: string, rows: readonly object[]) => {
    const file = join(folder, name);
    await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return file;
  };

  it('counts what is rejected, too long, repeated and leaked, with examples', async () => {
    const train = await write('train.jsonl', [
      await rowOf(0),
      await rowOf(0, { id: 'again' }),
      await rowOf(1, { solution: 'without a tag' }),
      await rowOf(2, { problem: 'word '.repeat(2000) }),
      await rowOf(3),
    ]);
    const validation = await write('validation.jsonl', [await rowOf(3), await rowOf(4)]);
    const data = { train, validation, template: 'question' };
    const { data: section } = await check({ ...small, data }, 0);
    expect(section.verdict).toBe('look');
    expect(section.facts).toMatchObject({
      rows: 4,
      validationRows: 2,
      rejected: { untagged: 1 },
      modalities: { X_RAY: 4 },
      prompts: { made: 4, rejected: 1 },
      twice: { repeated: 1, images: 3, overlaps: [{ name: 'validation', same: 1, imageExact: 1 }] },
    });
    expect(section.facts?.rejectedExamples[0]).toMatch(/train\.jsonl: row 2 \(row-1\): solution/);
    expect(section.facts?.prompts?.rejectedExamples[0]).toMatch(/^sample row-2: \d+$/);
    const texts = section.remarks.map(({ text }) => text);
    expect(texts).toEqual([
      '1 of the rows cannot be used and are left out.',
      expect.stringMatching(/^1 of 4 prompts are too long/),
      expect.stringMatching(/^1 of 4 rows ask an earlier row's question/),
      expect.stringMatching(/^Of 4 training rows, some are also in the validation set: 1 with/),
    ]);
  });
});

describe('a plan of a run that may not start', () => {
  it('goes by the published sizes of a model that cannot be reached, and says what would fit', async () => {
    const report = await check({ ...small, model: 'Qwen/Qwen3-VL-8B-Instruct' }, 4);
    expect(report.mayStart).toBe(false);
    expect(report.model.facts).toMatchObject({
      source: 'publication',
      parameters: 8_767_123_696,
      plan: null,
    });
    const texts = report.model.remarks.map(({ text }) => text).join('\n');
    expect(texts).toContain('expected an answer from the hub');
    expect(texts).toContain('give engine.lora={}');
    expect(report.data.facts).toMatchObject({ rows: 12, prompts: null });
    expect(report.headroom.remarks[0]?.text).toContain('the model cannot be trained here');
    expect(report.time.facts).toMatchObject({ by: 'arithmetic' });
  });

  it('names the way out for a mixture of experts before it asks for anything else', async () => {
    const { model } = await check({ ...small, model: 'Qwen/Qwen3-VL-30B-A3B-Instruct' }, 0);
    expect(model.verdict).toBe('stops');
    expect(model.remarks[0]?.text).toMatch(/mixture-of-experts.*engine\.kind=module/);
  });

  it('tells data, model and judge that are not there at once', async () => {
    const report = await check(
      {
        ...small,
        model: join(folder, 'nowhere'),
        data: { train: join(folder, 'nothing.jsonl') },
        reward: { judge: { kind: 'openai', url: 'http://127.0.0.1:9', model: 'm', attempts: 1 } },
      },
      4,
    );
    const { mayStart, config: _, ...sections } = report;
    expect(mayStart).toBe(false);
    expect(Object.entries(sections).map(([name, { verdict }]) => [name, verdict])).toEqual([
      ['model', 'stops'],
      ['data', 'stops'],
      ['judge', 'stops'],
      ['baselines', 'not checked'],
      ['headroom', 'not checked'],
      ['time', 'not checked'],
    ]);
  });
});

describe('what a judge behind a server costs', () => {
  const reply = {
    choices: [{ message: { content: 'NO' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 100, completion_tokens: 1 },
  };
  let server: Server;
  let url = '';
  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(reply));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  });
  afterAll(() => server.close());

  it('follows from what the sampled groups took, and is held against the caps', async () => {
    const judge = {
      kind: 'openai',
      url,
      model: 'm',
      prices: { input: 2, output: 10 },
      cap: { calls: 100 },
      // Nothing of the check may stay behind, and nothing of earlier ones may count.
      cache: join(folder, 'answers'),
    };
    const config = { ...small, iterations: 1000, reward: { judge } };
    const { judge: section } = await check(config, 4, systemClock);
    const { run, latency } = section.facts ?? {};
    const requests = run?.requests ?? 0;
    expect(latency?.asked).toBeGreaterThan(0);
    expect(run?.isMeasured).toBe(true);
    expect(requests).toBeGreaterThan(100);
    // Of one request, but for the rounding of both.
    expect((run?.tokens ?? 0) / requests).toBeCloseTo(101, 0);
    expect((1e6 * (run?.money ?? 0)) / requests).toBeCloseTo(100 * 2 + 10, 0);
    const texts = section.remarks.map(({ text }) => text).join('\n');
    expect(texts).toContain('reward.judge.cap.calls (100)');
    expect(texts).toContain('it has no certificate');
    await expect(stat(join(folder, 'answers'))).rejects.toThrow('ENOENT');
    expect(checkLines(await check(config, 0, systemClock)).join('\n')).toMatch(
      /at most 4,606 requests for 4,606/,
    );
  });
});

it.each([
  ['Qwen/Qwen3-VL-2B-Instruct', 2_127_532_032],
  ['Qwen/Qwen3-VL-8B-Instruct@main', 8_767_123_696],
  ['Qwen/Qwen2.5-VL-7B-Instruct', 8_292_166_656],
])('the sizes of %s give the parameters that it was published with', (model, parameters) => {
  const config = publishedModel(model);
  const specs = config === undefined ? [] : parameterSpecs(config);
  const sizes = specs.map(({ shape }) => shape.reduce((product, dim) => product * dim, 1));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(parameters);
});

describe('medix train --check', () => {
  async function run(...argv: string[]) {
    const output: string[] = [];
    const errors: string[] = [];
    const stream = { isTTY: false, columns: 80, write: (text: string) => output.push(text) > 0 };
    const { signal } = new AbortController();
    const code = await runCli(['train', ...argv], {
      context: { terminal: createTerminal(stream), signal, clock: () => 0 },
      printError: (line) => errors.push(line),
    });
    return { code, output: output.join(''), errors: errors.join('\n') };
  }

  it('tells all that is wrong with a config, as a record too', async () => {
    const { code, output, errors } = await run('--check', '--json', 'rollout.groupSize=1', 'x=1');
    expect(code).toBe(1);
    expect(errors).toMatch(/rollout\.groupSize: expected a number of at least 2/);
    const record = JSON.parse(output);
    expect(record).toMatchObject({ mayStart: false, config: { verdict: 'stops', facts: null } });
    expect(record.config.remarks.length).toBeGreaterThan(2);
  });

  it('gives one record and exit code 1 where something stops the run', async () => {
    const words = [`model=${join(folder, 'nowhere')}`, 'data={train: phantoms, trainCount: 3}'];
    const { code, output, errors } = await run('--check', '--json', ...words);
    expect(code).toBe(1);
    expect(errors).toMatch(/expected a run that may start, got one that is stopped by model; /);
    expect(JSON.parse(output)).toMatchObject({ mayStart: false, data: { facts: { rows: 3 } } });
  });

  it.each([
    ['--prompts alone', ['--prompts', '4'], /--prompts and --json belong to --check/],
    ['--json alone', ['--json'], /--prompts and --json belong to --check/],
    ['--resume beside it', ['--check', '--resume', 'x'], /cannot be used with/],
  ])('refuses %s as wrong usage', async (_, words, message) => {
    const { code, errors } = await run(...words);
    expect(code).toBe(2);
    expect(errors).toMatch(message);
  });
});
