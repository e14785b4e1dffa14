import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ResultsWriter } from './folder.ts';
import { readEvalManifest, readJudgingManifest, resultsFile } from './layout.ts';
import type { EvaluationFacts } from './records.ts';

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'medix-results-'));
  folder = join(parent, 'results');
});
afterEach(() => rm(parent, { recursive: true }));

const at = Date.UTC(2026, 0, 1);
const clock = () => at;
const task = { digest: 'd', source: 'rows', revision: 'r', access: 'public' } as const;
const facts = {
  config: { sampling: { temperature: 0, epochs: 1 }, limit: null },
  model: { id: 'm', kind: 'openai', digest: 'd' },
  tasks: { organs: task },
  template: { name: 'question', digest: 'd' },
  versions: { medix: '1' },
} satisfies EvaluationFacts;

async function begin(change: Partial<EvaluationFacts> = {}): Promise<ResultsWriter> {
  return ResultsWriter.open(folder, { ...facts, ...change }, clock);
}

async function evaluate(change: Partial<EvaluationFacts> = {}): Promise<void> {
  await (await begin(change)).close('finished');
}

const key = { sampleId: 's', variant: 'original', epoch: 0 } as const;
const answered = { kind: 'answered', text: 'liver', stopReason: 'stop', latencyMs: 1 } as const;
const verdict = {
  ...key,
  response: 'd',
  answer: 'liver',
  truncated: false,
  outcome: { kind: 'scored', score: 1 },
  votes: [],
};

async function answer(taskId: string, outcome: object): Promise<void> {
  const path = resultsFile.responses(folder, taskId);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify({ ...key, outcome })}\n`);
}

describe('a results folder', () => {
  it('is resumed, also with more tasks and epochs', async () => {
    await evaluate();
    const config = { sampling: { temperature: 0, epochs: 3 }, limit: null };
    await evaluate({ tasks: { bones: task }, config });
    const { tasks, createdAt, config: kept } = await readEvalManifest(folder);
    expect(Object.keys(tasks).toSorted()).toEqual(['bones', 'organs']);
    expect({ createdAt, kept }).toEqual({ createdAt: new Date(at).toISOString(), kept: config });
  });

  it('refuses answers of another model, template, sampling or task, all at once, untouched', async () => {
    await evaluate();
    await answer('organs', answered);
    const before = await readFile(join(folder, 'manifest.json'), 'utf8');
    const other = evaluate({
      model: { ...facts.model, digest: 'other' },
      template: { name: 'brief', digest: 'x' },
      config: { sampling: { temperature: 1, epochs: 1 }, limit: 5 },
      tasks: { organs: { ...task, revision: 'newer' } },
    });
    const error = await other.catch((reason: Error) => reason);
    const lines = String(error).split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(
      /results: model: expected .*"digest":"d".* got .*"digest":"other".*; give another folder with out=/,
    );
    expect(lines.join('\n')).toMatch(/template.*\n.*sampling.*\n.*limit.*\n.*task organs/);
    expect(await readFile(join(folder, 'manifest.json'), 'utf8')).toBe(before);
    expect(await readdir(join(folder, 'attempts'))).toHaveLength(1);
  });

  it('is started anew where nothing was answered, whatever was wrong', async () => {
    await evaluate();
    await answer('organs', { kind: 'failed', cause: 'refused', message: 'too long' });
    const writer = await begin({
      model: { ...facts.model, digest: 'other' },
      config: { sampling: { temperature: 1, epochs: 1 }, limit: 5 },
      tasks: { bones: task },
    });
    await writer.close('finished');
    const { model, tasks } = await readEvalManifest(folder);
    expect([model.digest, Object.keys(tasks)]).toEqual(['other', ['bones']]);
    expect((await readdir(folder)).toSorted()).toEqual(['attempts', 'manifest.json']);
  });

  it('is started where a process died before it wrote what it evaluates', async () => {
    await evaluate();
    await rm(join(folder, 'manifest.json'));
    await writeFile(join(folder, '.unfinished-manifest'), '{"crea');
    await evaluate();
    expect((await readEvalManifest(folder)).model.id).toBe('m');
    expect(await readdir(join(folder, 'attempts'))).toHaveLength(2);
  });

  it('starts a judging anew that came to no verdict, and refuses other judges after one', async () => {
    const writer = await begin();
    const by = (id: string) => ({
      mode: 'medix-r1' as const,
      votes: 1,
      judges: [{ id, kind: 'openai', digest: id, certificate: null }],
    });
    await writer.openJudging('judge', by('misspelt'));
    const file = resultsFile.verdicts(folder, 'judge', 'organs');
    const failed = { kind: 'failed', cause: 'refused', message: 'no such model' };
    await writeFile(file, `${JSON.stringify({ ...verdict, outcome: failed })}\n`);
    expect((await writer.openJudging('judge', by('right'))).judges[0]?.id).toBe('right');
    await writeFile(file, `${JSON.stringify(verdict)}\n`);
    await expect(writer.openJudging('judge', by('other'))).rejects.toThrow(/set judging\.name to/);
    expect((await readJudgingManifest(folder, 'judge')).judges[0]?.id).toBe('right');
    await writer.close('finished');
  });

  it('refuses a folder of something else', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await expect(begin()).rejects.toThrow(/expected a new or empty folder, .* got 1 other files/);
    expect(await readdir(folder)).toEqual(['notes.txt']);
  });

  it('lets one process at a time write it', async () => {
    const first = await begin();
    await expect(begin()).rejects.toThrow(/expected no other process that writes this run/);
    await first.close('finished');
    await evaluate();
  });

  it('says so where it cannot write, and keeps what is there', async () => {
    const writer = await begin();
    const path = join(folder, 'responses', 'organs.jsonl');
    await writer.appending(path, (append) => append({ n: 1 }));
    const full = join(folder, 'responses', 'full.jsonl');
    await symlink('/dev/full', full);
    await expect(writer.appending(full, (append) => append({ n: 2 }))).rejects.toThrow(
      /full\.jsonl: expected a place that can be written, got a pipe, socket or device; make room or grant access/,
    );
    await writer.close('failed');
    expect(await readFile(path, 'utf8')).toBe('{"n":1}\n');
  });

  it('says where there is no evaluation or no judging', async () => {
    await expect(readEvalManifest(folder)).rejects.toThrow(
      /manifest\.json: expected a record that `medix eval` wrote, got no such file/,
    );
    const writer = await begin();
    await expect(readJudgingManifest(folder, 'judge')).rejects.toThrow(/no judging in the folder/);
    await writer.openJudging('strict', { mode: 'medix-r1', votes: 1, judges: [] });
    await writer.close('finished');
    await expect(readJudgingManifest(folder, 'judge')).rejects.toThrow(/got only strict; /);
  });

  it.each(['../../notes', '/tmp/notes', '..', '', 'a/b', 'a\\b', 'x\u0000', 'a\nb'])(
    'of a stranger names no task %j, since tasks name files',
    async (task) => {
      await evaluate();
      const path = join(folder, 'manifest.json');
      const manifest = JSON.parse(await readFile(path, 'utf8'));
      await writeFile(path, JSON.stringify({ ...manifest, tasks: { [task]: facts.tasks.organs } }));
      await expect(readEvalManifest(folder)).rejects.toThrow(/manifest\.json: expected a record/);
      await expect(evaluate()).rejects.toThrow(/manifest\.json: expected a record/);
    },
  );

  it.each(['responses', 'samples/organs.jsonl', 'judgings/judge', 'attempts', 'report.json'])(
    'of a stranger is neither read nor written where %s leads out of it',
    async (name) => {
      await evaluate();
      const outside = join(parent, 'outside');
      await mkdir(outside);
      await rm(join(folder, name), { recursive: true, force: true });
      await mkdir(join(folder, name, '..'), { recursive: true });
      await symlink(outside, join(folder, name));
      await expect(readEvalManifest(folder)).rejects.toThrow(/got a symbolic link to/);
      await expect(evaluate()).rejects.toThrow(/got a symbolic link to/);
      expect(await readdir(outside)).toEqual([]);
    },
  );

  it('has no judging outside of itself', async () => {
    await (await begin()).close('finished');
    const other = join(parent, 'other');
    await mkdir(other);
    await writeFile(join(other, 'judging.json'), '{}');
    await expect(readJudgingManifest(folder, '../../other')).rejects.toThrow(/no judging/);
  });
});
