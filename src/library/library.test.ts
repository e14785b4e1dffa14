import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainConfigSchema } from '../config/train-config.ts';
import { RunWriter } from '../run/run-writer.ts';
import { type Answerer, evaluate, readEvalReport, readResponses, readVerdicts } from './eval.ts';
import { MedixError } from './index.ts';
import { type Judge, openJudge } from './judge.ts';
import { openReward, type RewardItem } from './reward.ts';
import { readRolloutIterations } from './run.ts';
import { train } from './train.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-library-'));
});
afterAll(() => rm(folder, { recursive: true }));

const lenient: Judge = {
  describe: { id: 'lenient' },
  judge: (items) => items.map(() => ({ kind: 'judged', correct: true })),
};

const item: RewardItem = {
  sample: { problem: 'Which organ?', images: [], referenceAnswer: 'liver', accepted: [] },
  response: '<CT_SCAN><thinking>I see.</thinking><answer>lung</answer>',
};

describe('a reward of the library', () => {
  it('takes a judge as an object, and names it among its facts', async () => {
    const reward = await openReward({ judge: lenient });
    expect(reward.facts.judge).toMatchObject({ id: 'lenient', kind: 'module' });
    await reward.check();
    const [outcome] = await reward.score([item]);
    expect(outcome).toMatchObject({ kind: 'scored', components: { judge: { value: 1 } } });
    await reward.close();
  });

  it('takes what openJudge gives', async () => {
    const judge = await openJudge({ kind: 'reference-match' });
    const reward = await openReward({ judge });
    const [outcome] = await reward.score([item]);
    expect(outcome).toMatchObject({ components: { judge: { value: 0, detail: 'no match' } } });
    await reward.close();
  });

  it('takes components as objects and as modules', async () => {
    const path = join(folder, 'mine.mjs');
    await writeFile(
      path,
      "export const long = { score: (items) => items.map(() => ({ kind: 'scored', value: 1 })) };",
    );
    const reward = await openReward({
      components: {
        long: { module: `${path}#long`, weight: 0.1 },
        short: {
          component: { score: (items) => items.map(() => ({ kind: 'scored', value: 0 })) },
          weight: 0.2,
        },
      },
    });
    const [outcome] = await reward.score([item]);
    expect(outcome).toMatchObject({ components: { long: { value: 1 }, short: { value: 0 } } });
  });

  it('refuses options with everything that is wrong with them', async () => {
    const error = await openReward({
      judge: { kind: 'openai', url: 'nowhere', model: '' },
      embedder: { describe: { id: 'mine' } } as never,
      profile: '',
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MedixError);
    expect((error as MedixError).problems.map(({ where }) => where)).toEqual([
      'config: profile',
      'config: judge.url',
      'config: judge.model',
    ]);
    await expect(openReward({ embedder: { describe: { id: 'mine' } } as never })).rejects.toThrow(
      /embedder\.module \(object 1\): expected an embedder: .* got embed is no function/,
    );
  });
});

it('a judge that cannot be asked is told by check', async () => {
  const judge = await openJudge({
    ...lenient,
    probe: async () => ({ kind: 'unscored', cause: 'transport', message: 'no route' }),
  });
  await expect(judge.check()).rejects.toThrow('judge lenient: expected an answer, got transport');
});

describe('an evaluation of the library', () => {
  const settings = (model: Answerer, out: string) => ({
    model,
    tasks: [join(folder, 'organs.yaml')],
    out: join(folder, out),
    judging: { judges: [lenient] },
  });
  beforeAll(async () => {
    await writeFile(
      join(folder, 'organs.jsonl'),
      '{"question": "Bile?", "answer": "liver"}\n{"question": "Blood?", "answer": "heart"}\n',
    );
    await writeFile(
      join(folder, 'organs.yaml'),
      `id: organs
title: Organs
input: text
kind: open
source: { path: organs.jsonl }
rows: null
licence: null
access: public
rubric: binary
layouts:
  - columns: [question, answer]
    question: "{{ question }}"
    reference: { text: answer }
    cluster: row
`,
    );
  });

  it('asks only what has no answer yet when it is called again', async () => {
    let calls = 0;
    const warnings: string[] = [];
    const model: Answerer = {
      describe: { id: 'mine' },
      answer: () => {
        if (calls++ === 0) throw new Error('not yet');
        return { kind: 'answered', text: 'liver' };
      },
    };
    const options = { onWarning: (warning: string) => void warnings.push(warning) };
    const first = await evaluate(settings(model, 'again'), options);
    expect(first.tasks[0]?.coverage).toMatchObject({ expected: 2, scored: 1 });
    expect(warnings).toEqual([expect.stringContaining('judge lenient may be unfit')]);
    const second = await evaluate(settings(model, 'again'));
    expect(second.tasks[0]?.coverage).toMatchObject({ expected: 2, scored: 2 });
    expect(calls).toBe(3);
    expect(await readEvalReport(join(folder, 'again'))).toEqual(second);
  });

  it('refuses the folder to another version of the model', async () => {
    const answer = () => ({ kind: 'answered' as const, text: 'liver' });
    await evaluate(settings({ describe: { id: 'mine', version: 1 }, answer }, 'versions'));
    await expect(
      evaluate(settings({ describe: { id: 'mine', version: 2 }, answer }, 'versions')),
    ).rejects.toThrow(/versions: model: expected/);
  });

  it('has the last row of an answer, and no verdict on an earlier one', async () => {
    const answer = () => ({ kind: 'answered' as const, text: 'liver' });
    await evaluate(settings({ describe: { id: 'mine' }, answer }, 'rows'));
    const out = join(folder, 'rows');
    expect(await readVerdicts(out, 'organs')).toHaveLength(2);
    const path = join(out, 'responses', 'organs.jsonl');
    const [line = ''] = (await readFile(path, 'utf8')).split('\n');
    await appendFile(path, `${line.replace('liver', 'spleen')}\n`);
    const texts = (await readResponses(out, 'organs')).map(({ outcome }) => outcome);
    expect(texts).toMatchObject([{ text: 'spleen' }, { text: 'liver' }]);
    expect(await readVerdicts(out, 'organs')).toHaveLength(1);
  });

  it('without a report says which command writes it', async () => {
    await expect(readEvalReport(folder)).rejects.toThrow(/run `medix eval score` first/);
  });
});

describe('a training that is resumed', () => {
  it('refuses other settings before it loads anything, unless they are allowed', async () => {
    const settings = { model: 'no-such-model', data: { train: 'no-such-data' } };
    const out = join(folder, 'resumed');
    const config = trainConfigSchema.parse({ ...settings, out });
    const manifest = { kind: 'train', config, facts: {} } as const;
    await (await RunWriter.create(out, manifest, [], () => 0)).close('stopped');

    const resuming = (changes: object, allow: readonly string[] = []) =>
      train({ ...settings, ...changes, out }, { resume: true, allow });
    const optimizer = { learningRate: 1e-3 };
    await expect(resuming({ optimizer })).rejects.toThrow(
      /^optimizer\.learningRate: expected 0\.000001, as the run has had it so far, got 0\.001;/,
    );
    await expect(resuming({ seed: 2 }, ['seed'])).rejects.toThrow(/no change to model, data, seed/);
    await expect(resuming({ optimizer, iterations: 7 }, ['optimizer'])).rejects.toThrow(
      /no-such-data/,
    );
  });
});

it('the iterations of a run are those with training rollouts', async () => {
  await mkdir(join(folder, 'run', 'rollouts'), { recursive: true });
  for (const name of ['000010.jsonl', '000002.jsonl', 'validation-000002.jsonl']) {
    await writeFile(join(folder, 'run', 'rollouts', name), '');
  }
  expect(await readRolloutIterations(join(folder, 'run'))).toEqual([2, 10]);
  expect(await readRolloutIterations(join(folder, 'none'))).toEqual([]);
});
