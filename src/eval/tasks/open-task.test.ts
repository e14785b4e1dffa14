import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listTasks, openTask, selectTasks } from './open-task.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-tasks-'));
});
afterEach(() => rm(folder, { recursive: true }));

const minimal = `
id: ward
title: Questions of our ward
input: text
kind: multiple-choice
source: { path: rows.jsonl }
rows: null
licence: null
access: private
rubric: binary
layouts:
  - columns: [q, a]
    question: "{{ q }}"
    choices: { fixed: [yes, no, maybe] }
    reference: { text: a }
    cluster: row
`;

async function write(text: string, name = 'ward.yaml'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

async function problemsOf(text: string): Promise<string> {
  const path = await write(text);
  return openTask(path).then(
    () => 'no problem',
    (error: Error) => error.message.replaceAll(folder, ''),
  );
}

describe('a task of the user', () => {
  it('takes one file, opened by its path or by its id in a folder', async () => {
    const path = await write(minimal);
    const task = await openTask(path);
    expect(task).toMatchObject({ id: 'ward', access: 'private', file: path });
    expect(await openTask('ward', folder)).toEqual(task);
    expect((await listTasks(folder)).map(({ id }) => id)).toContain('ward');
  });

  it('keeps yes, no and maybe as texts', async () => {
    const { layouts } = await openTask(await write(minimal));
    expect(layouts[0]?.choices).toEqual({ fixed: ['yes', 'no', 'maybe'] });
  });

  it('has a digest that comments and the order of fields leave alone, and that its content changes', async () => {
    const { digest } = await openTask(await write(minimal));
    const lines = minimal.trim().split('\n');
    const reordered = ['# a comment', ...lines.slice(1, 3), lines[0], ...lines.slice(3)].join('\n');
    expect((await openTask(await write(reordered))).digest).toBe(digest);
    const changed = minimal.replace('{{ q }}', '{{ q }}!');
    expect((await openTask(await write(changed))).digest).not.toBe(digest);
  });

  it('that has several faults is told all of them, with their places', async () => {
    const faulty = minimal
      .replace('kind: multiple-choice', 'kind: closed')
      .replace('rubric: binary', 'rubric: report-0-5')
      .replace('{{ q }}', '{{ qestion }}')
      .replace('reference: { text: a }', 'reference: { letter: b }');
    const problems = await problemsOf(faulty);
    expect(problems).toMatch(/ward\.yaml: rubric: expected report-0-5 for reports/);
    expect(problems).toMatch(
      /layouts\.0\.question: expected names among q, a, row \(not qestion\)/,
    );
    expect(problems).toMatch(
      /layouts\.0\.reference: expected a column that is listed \(b is not\)/,
    );
  });

  it.each([
    [
      'choices that YAML makes booleans',
      ['fixed: [yes, no, maybe]', 'fixed: [true, false]'],
      /layouts\.0\.choices/,
    ],
    ['a broken template', ['{{ q }}', '{{ q'], /a Jinja template/],
    [
      'a broken pattern',
      ['{ text: a }', '{ text: { column: a, pattern: "(" } }'],
      /layouts\.0\.reference/,
    ],
    [
      'no choices',
      ['    choices: { fixed: [yes, no, maybe] }\n', ''],
      /choices, since the kind is multiple-choice/,
    ],
    [
      'images without an image column',
      ['input: text', 'input: image'],
      /image columns, since input is image/,
    ],
    [
      'an invented commit',
      ['{ path: rows.jsonl }', '{ hub: a/b, config: null, split: test, revision: main }'],
      /source/,
    ],
    [
      'an unknown field',
      ['access: private', 'access: private\nsplit: test'],
      /split: expected a known field/,
    ],
    [
      'an id that is not its name',
      ['id: ward', 'id: other'],
      /expected the file's name, ward, got other/,
    ],
    ['no YAML', ['id: ward', 'id: [ward'], /expected a task file in YAML/],
  ])('with %s is refused', async (_, [from, to], message) => {
    expect(await problemsOf(minimal.replace(from ?? '', to ?? ''))).toMatch(message);
  });

  it('under the id of another task is refused', async () => {
    await write(minimal.replace('id: ward', 'id: medqa'), 'medqa.yaml');
    await expect(listTasks(folder)).rejects.toThrow(/expected an id of its own, got medqa, as in/);
  });
});

describe('a selection of tasks', () => {
  it('names each task once, however often it is meant', async () => {
    const path = await write(minimal);
    const ids = (await selectTasks(['vision', 'rad_vqa', path, path])).map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)]);
    expect(ids).toHaveLength(8);
    expect((await selectTasks(['all'])).filter(({ input }) => input === 'text')).toHaveLength(11);
  });

  it('with unknown names is told all of them', async () => {
    await expect(selectTasks(['medqa', 'medqua', 'llm'])).rejects.toThrow(
      /task medqua: expected one of medmcqa, .*\ntask llm: /,
    );
  });
});
