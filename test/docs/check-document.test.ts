/** The checks find what is wrong, and nothing in what is right. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Checks, checkDocument } from './check-document.ts';
import { createCommandCheck } from './commands.ts';
import { parseMarkdown } from './markdown.ts';
import { readRepository } from './repository.ts';

let checks: Checks;
beforeAll(async () => {
  const repository = readRepository();
  const metricKeys = new Set(['reward/mean', 'reward/judge/mean', 'time/sampleMs']);
  checks = { repository, metricKeys, checkCommand: await createCommandCheck(repository) };
});

async function messages(text: string, file = 'docs/example.md'): Promise<string[]> {
  const document = parseMarkdown(file, text);
  const problems = await checkDocument(document, [document], checks);
  return problems.map(({ line, message }) => `${line}: ${message}`);
}

const sh = (...lines: string[]) => ['```sh', ...lines, '```'].join('\n');
const yaml = (...lines: string[]) => ['```yaml', ...lines, '```'].join('\n');

describe('a document is right that names', () => {
  it.each([
    ['a path from the root or from src', '`src/train/loop.ts` and `train/loop.ts`'],
    ['a file of its own folder', '`rewards.md`'],
    ['a file of the folder named before', '`train/loop.ts` calls `validation.ts`'],
    ['files by a glob or a placeholder', '`src/**/*.test.ts`, `update/<name>.ts`, `*.fixture.ts`'],
    ['files that runs write', '`metrics.jsonl`, `rollouts/<iteration>.jsonl`, `judgings/NAME/`'],
    ['a metric, or several', '`reward/mean`, `reward/<component>/mean`, `time/…`'],
    [
      'a route, a folder outside and a package',
      '`/healthz` `~/.cache/medix/answers` `@huggingface/hub`',
    ],
    ['a link with an anchor', '# A heading (here)\n\n[see](#a-heading-here), [and](rewards.md)'],
    ['a command in prose', '`medix judge certify`, `npm run check`, `npm install node-llama-cpp`'],
    [
      'a command over two lines',
      sh('npm run dev -- judge certify \\', "  evaluation='{votes: 3}' # asked thrice"),
    ],
    ['several commands in one line', sh('npm ci && npm start -- --seed 1')],
    ['a command whose config is the reader’s', sh('npm run dev -- train CONFIG iterations=5')],
    [
      'a config with the fields that a recipe lacks',
      sh('medix eval run recipes/benchmarks/text.yaml model.kind=local model.path=DIR'),
    ],
    [
      'fields and their values',
      '`rollout.groupSize`, `optimizer.*`, `algorithm.preset=grpo`, `pooling: cls`',
    ],
    ['what the reader fills in', '`data.medqa=FILE`, `reward.judge.url=…`, `model=<folder>`'],
    ['a config', yaml('model: { kind: local, path: DIR }', 'tasks: [text]')],
    ['code', '`runCli(argv)`, `groupSize`, `Sample.problem`, `MEDIX_REWARD_TOKEN`'],
    ['other code and text', '`a + b`, `YES`, `vllm serve`, `<answer>`, `None`'],
  ])('%s', async (_, text) => {
    expect(await messages(text)).toEqual([]);
  });
});

describe('a document is wrong that names', () => {
  it.each([
    [
      'a path that is not there',
      'one\n\n`src/train/lop.ts`',
      '3: nothing is called src/train/lop.ts',
    ],
    ['a folder that is not there', '`src/trainer`', '1: nothing is called src/trainer'],
    ['a file of another folder', '`train/loop.ts` and `kl.ts`', '1: nothing is called kl.ts'],
    [
      'a file of a folder named in another paragraph',
      '`train/loop.ts`\n\n`validation.ts`',
      '3: nothing is called validation.ts',
    ],
    [
      'a file of a folder named in another row',
      '| `train/loop.ts` |\n| `validation.ts` |',
      '2: nothing is called validation.ts',
    ],
    ['a glob without files', '`src/train/*.py`', '1: nothing is called src/train/*.py'],
    ['a file that no run writes', '`metric.jsonl`', '1: nothing is called metric.jsonl'],
    ['a metric that no run writes', '`reward/median`', '1: nothing is called reward/median'],
    ['a route that is not served', '`/helthz`', '1: nothing is called /helthz'],
    ['a package that is not used', '`@huggingface/nub`', '1: nothing is called @huggingface/nub'],
    ['a link to no file', '[see](reward.md)', '1: the link reward.md leads nowhere'],
    ['a link to no heading', '# Here\n\n[see](#there)', '3: the link #there leads to no heading'],
    ['a script that is not there', sh('npm run chekc'), '2: package.json has no script chekc'],
    ['a command that is not there', sh('', 'medix trane'), "3: error: unknown command 'trane'"],
    [
      'a command of a group that is not there',
      '`medix eval rnu`',
      "1: error: unknown command 'rnu'",
    ],
    ['an unknown option', sh('medix train --fast'), "2: error: unknown option '--fast'"],
    ['an option without its value', '`medix train --resume`', '1: error: option'],
    ['a value that an option refuses', sh('npm start -- --seed x'), '2: error: option'],
    [
      'a command without what it needs',
      sh('medix reward score a.jsonl'),
      '2: error: required option',
    ],
    [
      'a file of a command that is not there',
      sh('medix sft recipes/x.yaml'),
      '2: recipes/x.yaml does',
    ],
    ['a config with too little', sh('medix train iterations=5'), '2: config'],
    [
      'an unknown field in a command',
      sh('medix train --resume DIR rolout.x=1'),
      '2: there is no config field rolout.x',
    ],
    [
      'a wrong value in a command',
      sh('medix train CONFIG seed=x'),
      '2: the config field seed does not take x',
    ],
    ['fields of a command without a config', '`medix review score DIR a=1`', '1: error: too many'],
    [
      'a field of another command',
      sh('medix sft CONFIG rollout.groupSize=4'),
      '2: there is no config field',
    ],
    ['an unknown field', '`rollout.groupsize`', '1: rollout.groupsize is neither'],
    ['an unknown field with a value', '`rolout.groupSize=4`', '1: there is no config field rolout'],
    [
      'a value that no field takes',
      '`algorithm.preset=ppo`',
      '1: the config field algorithm.preset does not',
    ],
    [
      'a setting that no field takes',
      '`pooling: median`',
      '1: the config field pooling does not take median',
    ],
    ['a wrong config', yaml('model: { kind: local, path: DIR }', 'task: [text]'), '2: '],
    [
      'a project that is not there',
      '`npx vitest run --project units`',
      '1: vitest.config.ts has no',
    ],
    ['an identifier that is gone', '`normalizerVersion`', '1: normalizerVersion does not occur'],
  ])('%s', async (_, text, expected) => {
    const found = await messages(text);
    expect(found.join('\n')).toContain(expected);
  });
});

it('a path is found beside its document', async () => {
  const path = '`model/config.json`';
  expect(await messages(path, 'test/fixtures/qwen3-vl-tiny/README.md')).toEqual([]);
  expect(await messages(path)).toEqual([expect.stringContaining('looked in docs, ., src')]);
});
