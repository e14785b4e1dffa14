import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EvaluationFixture } from '../../eval/stages/evaluation.fixture.ts';
import { setUpEval } from './eval.ts';

let weak: EvaluationFixture;
let strong: EvaluationFixture;
beforeEach(async () => {
  [weak, strong] = await Promise.all([EvaluationFixture.create(), EvaluationFixture.create()]);
  for (const [one, said] of [
    [weak, 'no idea'],
    [strong, 'liver'],
  ] as const) {
    await one.addTask('organs', [
      { question: 'Which organ is 1?', answer: 'liver' },
      { question: 'Which organ is 2?', answer: 'liver' },
    ]);
    await one.generate(() => said);
    await one.judge();
  }
});
afterEach(() => Promise.all([weak.remove(), strong.remove()]));

async function run(...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  const terminal = {
    print: (line: string) => lines.push(line),
    write: () => {},
    showStatus: () => {},
    printJson: () => {},
    writeBold: () => {},
    isInteractive: false,
  };
  const program = new Command('medix');
  await setUpEval(
    program.command('eval'),
    { terminal, signal: new AbortController().signal, clock: () => 0 },
    () => true,
  );
  await program.parseAsync(['eval', 'compare', ...args], { from: 'user' });
  return lines;
}

it('prints a table and writes nothing unless a folder is given', async () => {
  const before = await readdir(strong.folder);
  const lines = await run(weak.out, strong.out);
  expect(lines.find((line) => line.startsWith('organs'))).toMatch(/\+100\.0/);
  expect(await readdir(strong.folder)).toEqual(before);
});

it('writes the comparison into the folder given and says where its page is', async () => {
  const out = join(strong.folder, 'comparison');
  const lines = await run(weak.out, strong.out, '--out', out);
  expect((await readdir(out)).toSorted()).toEqual([
    'comparison.html',
    'comparison.json',
    'comparison.md',
  ]);
  expect(lines.at(-1)).toContain(join(out, 'comparison.html'));
});

it('compares every further folder with the first', async () => {
  const lines = await run(weak.out, strong.out, weak.out);
  expect(lines.filter((line) => line.startsWith('organs'))).toHaveLength(2);
});

it('refuses a judging that no folder has', async () => {
  await expect(run(weak.out, strong.out, '--judging', 'absent')).rejects.toThrow(
    /--judging absent: expected the same judges/,
  );
});

it('fails where a task has no question to compare, after the table of the others', async () => {
  const silent = await EvaluationFixture.create();
  try {
    await silent.addTask('organs', [{ question: 'Which organ is 1?', answer: 'liver' }]);
    await silent.generate(() => ({ kind: 'failed', cause: 'timeout', message: 'no reply' }));
    await silent.judge();
    const out = join(strong.folder, 'nothing');
    await expect(run(weak.out, strong.out, silent.out, '--out', out)).rejects.toThrow(
      /organs: expected questions to compare, got no question has a score of both models; /,
    );
    expect(await readdir(out)).toContain('comparison.json');
  } finally {
    await silent.remove();
  }
});
