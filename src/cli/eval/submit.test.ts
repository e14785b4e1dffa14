import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EvaluationFixture } from '../../eval/stages/evaluation.fixture.ts';
import { setUpEval } from './eval.ts';

let evaluation: EvaluationFixture;
let out: string;
beforeEach(async () => {
  evaluation = await EvaluationFixture.create();
  out = join(evaluation.folder, 'upload');
  await evaluation.addTask('medqa', [
    { question: 'Which organ is 1?', answer: 'liver' },
    { question: 'Which organ is 2?', answer: 'spleen' },
  ]);
  await evaluation.generate(() => 'liver');
});
afterEach(() => evaluation.remove());

async function submit(...args: string[]): Promise<string[]> {
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
  const words = ['eval', 'submit', evaluation.out, '--out', out, ...args];
  await program.parseAsync(words, { from: 'user' });
  return lines;
}

/** Of the fixture's model, `scripted`. */
const zipName = /^[0-9a-f]{8}_scripted_submission\.zip$/;

async function zipPath(): Promise<string> {
  const names = await readdir(out);
  expect(names).toEqual([expect.stringMatching(zipName)]);
  return join(out, names[0] ?? '');
}

it('writes the zip into a folder it makes, and says what is in it and where it goes', async () => {
  await evaluation.judge();
  const lines = await submit();
  const path = await zipPath();
  expect(Object.keys(unzipSync(await readFile(path)))).toContain('scripted/scripted_score.txt');
  expect(lines.find((line) => line.startsWith('medqa'))).toMatch(/^medqa +2 +2 +2$/);
  expect(lines.join('\n')).toContain('remark: without MMMU-Medical');
  expect(lines.at(-1)).toContain(path);
});

it('replaces a zip only with --force', async () => {
  await evaluation.judge();
  await submit();
  const path = await zipPath();
  const zip = await readFile(path);
  await writeFile(path, 'of another day');
  await expect(submit()).rejects.toThrow(/--force/);
  expect(await readFile(path, 'utf8')).toBe('of another day');
  await submit('--force');
  expect(await readFile(path)).toEqual(zip);
});

it('leaves no folder behind where there is nothing to submit', async () => {
  await expect(submit('--judging', 'absent')).rejects.toThrow(/absent/);
  expect(await readdir(evaluation.folder)).not.toContain('upload');
});
