/** What a user may get wrong: every command says it in one place and leaves every file as it was. */
import { cp, mkdir, mkdtemp, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { phantomSample } from '../../src/data/phantoms/study.ts';
import { writeSamples } from '../../src/data/write.fixture.ts';
import { contents, imagePath, medix, temporaryFolder, tinyModel } from './medix.ts';

const folder = await temporaryFolder();
const copies = await temporaryFolder();

beforeAll(async () => {
  const inFolder = (name: string) => join(folder, name);
  const writeRows = (name: string, rows: readonly unknown[]) =>
    writeFile(inFolder(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

  await cp(tinyModel, inFolder('truncated'), { recursive: true });
  await truncate(inFolder('truncated/model.safetensors'), 500_000);
  await cp(tinyModel, inFolder('mistral'), { recursive: true });
  const config = JSON.parse(await readFile(inFolder('mistral/config.json'), 'utf8'));
  await writeFile(
    inFolder('mistral/config.json'),
    JSON.stringify({ ...config, architectures: ['MistralForCausalLM'], model_type: 'mistral' }),
  );

  const samples = [0, 1, 2].map((index) => phantomSample({ seed: 1, split: 'train', index }));
  await writeSamples(inFolder('cut.parquet'), samples);
  await truncate(inFolder('cut.parquet'), 5000);
  const untagged = samples.map(({ id, problem, referenceAnswer }) => ({
    id,
    problem,
    solution: referenceAnswer,
  }));
  await writeRows('untagged.jsonl', untagged);
  await writeRows(
    'unreadable-images.jsonl',
    untagged.map((row) => ({ ...row, solution: '<X_RAY>yes', images: ['broken.png'] })),
  );
  await writeRows('rows.jsonl', [{ id: 1, prompt: 'Hi', completion: 'Yes' }]);
  await writeRows('bad-rows.jsonl', [
    { id: 1, prompt: 5, completion: '' },
    { id: 2, prompt: 'Hi', completion: 'Yes', image: 'x.png' },
    { id: 3, prompt: 'Hi', completion: 'Yes', images: ['missing.png'] },
    { id: 4, prompt: 'Hi', completion: 'Yes', images: [{ bytes: 'aGVsbG8=' }] },
    { id: 5, prompt: '肺'.repeat(900), completion: 'Yes' },
    { id: 6, prompt: 'Hi', completion: [400] },
    ['Hi', 'Yes'],
    ...Array.from({ length: 30 }, () => ({ id: 8, prompt: 'Hi' })),
  ]);
  await writeFile(inFolder('text.png'), 'no image');
  await writeFile(inFolder('broken.png'), '\u0089PNG\r\n\u001a\n and no more', 'latin1');
  await writeFile(inFolder('taken.jsonl'), 'a result\n');
  await mkdir(inFolder('results'));
  await writeFile(inFolder('results/metrics.jsonl'), 'a result\n');
});

const model = `model=${tinyModel}`;
const phantoms = ['data.train=phantoms', 'data.trainCount=2'];
const ask = ['generate', '--prompt', 'Which organ?', '--model'];
const score = ['logprobs', '--model', tinyModel, '--out', 'out.jsonl', '--in'];

type Case = readonly [mistake: string, args: readonly string[], errors: readonly RegExp[]];

/** Command lines that cannot be understood. */
const usages: readonly Case[] = [
  ['an unknown command', ['trian'], [/unknown command 'trian'/]],
  ['an unknown option of train', ['train', '--resum', 'run'], [/option '--resum'/]],
  ['an unknown option of sft', ['sft', '--force'], [/option '--force'/]],
  ['an unknown option of generate', [...ask, 'm', '--sed', '1'], [/option '--sed'/]],
  ['an unknown option of logprobs', [...score, 'x', '--seed', '1'], [/option '--seed'/]],
  ['an unknown option of quickstart', ['quickstart', '--fast'], [/option '--fast'/]],
  ['a missing option', ['generate', '--prompt', 'Hi'], [/'--model <model>' not specified/]],
  [
    'an option value of the wrong type',
    [...ask, 'm', '--temperature', 'hot'],
    [/--temperature <number>' argument 'hot' is invalid. Expected a number of at least 0/],
  ],
];

const configs: readonly Case[] = [
  [
    'unknown keys and wrong types of train',
    ['train', model, ...phantoms, 'rollout.groupSiz=3', 'rollout.groupSize=two', 'seed=1.5'],
    [
      /command line: seed: expected a whole number, got 1.5/,
      /command line: rollout.groupSize: expected a number, got "two"/,
      /command line: rollout.groupSiz: .* did you mean rollout.groupSize\?/,
    ],
  ],
  [
    'unknown keys and wrong types of sft',
    ['sft', ...phantoms, 'batchSize=true', 'modle=x'],
    [/config: model: /, /batchSize: expected a number, got true/, /modle: .* did you mean model\?/],
  ],
  ['a missing config', ['train', 'missing.yaml'], [/^missing.yaml: expected a YAML or JSON file/]],
  [
    'a run that is none',
    ['sft', '--resume', 'results'],
    [/^results.manifest.json: expected a run's/],
  ],
];

const models: readonly Case[] = [
  [
    'no model',
    ['sft', 'model=missing', ...phantoms, 'out=run'],
    [/^missing: expected the folder of a checkpoint .*, got no such file or folder; /],
  ],
  [
    'a model of another architecture',
    [...ask, 'mistral'],
    [/^mistral.config.json: model_type: expected one of qwen3_vl, .*, got "mistral"/],
  ],
  [
    'truncated weights',
    ['train', 'model=truncated', ...phantoms, 'out=run'],
    [/^truncated.model.safetensors: expected 1071616 bytes in all, got 500000/],
  ],
  [
    'truncated weights that score',
    ['logprobs', '--model', 'truncated', '--in', 'rows.jsonl', '--out', 'taken.jsonl', '--force'],
    [/^truncated.model.safetensors: expected 1071616 bytes in all, got 500000/],
  ],
];

const data: readonly Case[] = [
  [
    'a truncated parquet file',
    ['train', model, 'data.train=cut.parquet', 'out=run'],
    [/^cut.parquet: expected a whole parquet file, got 5000 bytes/],
  ],
  [
    'solutions without a tag',
    ['sft', model, 'data.train=untagged.jsonl', 'out=run'],
    [/expected solutions like <TAG>answer, .* got 3 rows, all without/, /row 0/, /row 1/, /row 2/],
  ],
  [
    'images that cannot be read, before there is a run that would be in the way of the next try',
    ['train', model, 'data.train=unreadable-images.jsonl', 'out=run', 'iterations=1'],
    [/data.train: no sample can be used; the first is .*broken\.png/],
  ],
  [
    'no data',
    ['train', model, 'data.train=missing.jsonl', 'out=run'],
    [/^missing.jsonl: .* no such/],
  ],
  [
    'a result in the way of a quickstart',
    ['quickstart', '--out', 'results'],
    [/^results: .*empty/],
  ],
  [
    'a result in the way of a run',
    ['train', model, ...phantoms, 'out=results'],
    [/^results: .*empty/],
  ],
  [
    'a file that is no image',
    [...ask, tinyModel, '--image', 'text.png'],
    [/^image text.png: .* PNG/],
  ],
  ['a missing image', [...ask, tinyModel, '--image', 'x.png'], [/^--image x.png: .* no such file/]],
  ['a missing template', [...ask, tinyModel, '--template', 'x'], [/^prompt template x: .* brief/]],
  [
    'a prompt longer than the context',
    [...ask, tinyModel, '--prompt', '肺'.repeat(900), '--image', imagePath('photo.jpg')],
    [/^--prompt: expected .* within the 1024 tokens .*, got \d+ tokens of prompt/],
  ],
  ['no rows', [...score, 'missing.jsonl'], [/^missing.jsonl: expected a file that can be read/]],
  ['a folder of rows', [...score, 'results'], [/^results: expected a file .* got a folder/]],
  [
    'rows with mistakes, of which 20 are shown',
    [...score, 'bad-rows.jsonl'],
    [
      /line 1: prompt: expected text, got 5/,
      /line 2: image: .* did you mean images\?/,
      /line 3: images: .* no such file/,
      /line 4: images: expected image files .*, got "image": 5 bytes of no known image format/,
      /line 5: prompt: expected prompt and completion within the 1024 tokens/,
      /line 6: completion: expected token ids below 400 .* got 400/,
      /line 7: expected a JSON object/,
      ...Array.from({ length: 13 }, (_, i) => new RegExp(`line ${8 + i}: completion: .* nothing`)),
      /got 37, of which these are the first 20/,
    ],
  ],
  [
    'a folder that does not exist',
    ['logprobs', '--model', tinyModel, '--in', 'rows.jsonl', '--out', 'missing/out.jsonl'],
    [/^--out missing.out.jsonl: expected a place that can be written/],
  ],
];

describe.concurrent.each([
  { kind: 'usage', cases: usages },
  { kind: 'config', cases: configs },
  { kind: 'model', cases: models },
  { kind: 'data', cases: data },
])('a mistake of $kind', ({ kind, cases }) => {
  it.each(cases)('%s', async (_, args, errors) => {
    // Cases run side by side: each in its own copy, so that no file of another's is seen in passing.
    const own = await mkdtemp(join(copies, 'case-'));
    await cp(folder, own, { recursive: true });
    const before = await contents(own);
    const { code, stderr } = await medix(own, ...args);
    const lines = stderr.trimEnd().split('\n');
    if (kind === 'usage') {
      expect(lines[0]).toMatch(errors[0]!);
      expect(lines.at(-1)).toMatch(/--help/);
      expect(code).toBe(2);
    } else {
      expect(lines).toEqual(errors.map((error) => expect.stringMatching(error)));
      for (const line of lines) expect(line).toMatch(/expected .+, got .+; .+/);
      expect(code).toBe(1);
    }
    expect(await contents(own)).toEqual(before);
  });
});
