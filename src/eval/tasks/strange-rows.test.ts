import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { plainPng } from '../../image/raster.ts';
import { openTask } from './open-task.ts';
import { readTaskSamples } from './read-task-samples.ts';
import type { TaskRow } from './sample.ts';
import { openTaskSource, type TaskAccess } from './task-source.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-strange-'));
});
afterEach(() => rm(folder, { recursive: true }));

const png = await plainPng(8, 8, { r: 200, g: 30, b: 30 });

type Options = {
  readonly layout?: object;
  readonly input?: 'text' | 'image';
  readonly path?: string;
  readonly access?: Partial<TaskAccess>;
};

const imageLayout = { columns: ['image', 'question', 'answer'], images: { columns: ['image'] } };

/** Reads the rows of `path`, `rows.jsonl` by default, by a task of its own. */
async function read({
  layout = {},
  input = 'text',
  path = 'rows.jsonl',
  access = {},
}: Options = {}) {
  const task = {
    id: 'own',
    title: 't',
    input,
    kind: 'open',
    source: { path },
    rows: null,
    licence: null,
    access: 'public',
    rubric: 'binary',
    layouts: [
      {
        columns: ['question', 'answer'],
        question: '{{ question }}',
        reference: { text: 'answer' },
        cluster: 'row',
        ...layout,
      },
    ],
  };
  await writeFile(join(folder, 'own.yaml'), stringify(task));
  const opened = await openTask(join(folder, 'own.yaml'));
  const source = await openTaskSource(opened, { hub: {}, cache: '', ...access });
  const rows: TaskRow[] = [];
  for await (const row of readTaskSamples(opened, source, new AbortController().signal)) {
    rows.push(row);
  }
  return rows;
}

async function readRows(rows: readonly unknown[], options: Options = {}) {
  const good = { question: 'Good?', answer: 'yes', image: Buffer.from(png).toString('base64') };
  const lines = [good, ...rows].map((row) => (typeof row === 'string' ? row : JSON.stringify(row)));
  await writeFile(join(folder, 'rows.jsonl'), lines.join('\n'));
  return (await read(options)).slice(1);
}

/** The reference, or the cause and the problem. */
function said(rows: readonly TaskRow[]): unknown[] {
  return rows.map((row) =>
    row.kind === 'sample' ? row.sample.referenceAnswer : [row.cause, row.problem],
  );
}

describe('a reference answer', () => {
  it('that is no text is named as what it is', async () => {
    const answers = [true, ['a', 'b'], { a: 1 }, null, '', 0.5, 2, '"12345678901234567891"'];
    const rows = answers.map((answer) => ({ question: 'Is it?', answer }));
    const exact = '{"question": "Which?", "answer": 12345678901234567891}';
    const foreign = '{"question": "Which?", "answer": NaN}';
    expect(said(await readRows([...rows, exact, foreign]))).toEqual([
      ['malformed', 'the reference answer (answer) is the boolean true, neither text nor a number'],
      ['malformed', 'the reference answer (answer) is a list, neither text nor a number'],
      ['malformed', 'the reference answer (answer) is an object, neither text nor a number'],
      ['empty-reference', 'no reference answer'],
      ['empty-reference', 'no reference answer'],
      '0.5',
      '2',
      '"12345678901234567891"',
      '12345678901234567891',
      ['malformed', 'the line is no JSON: NaN, which JSON does not have'],
    ]);
  });

  it('of NaN in parquet is none', async () => {
    const columnData = [
      { name: 'question', data: ['A?', 'B?', 'C?'] },
      { name: 'answer', data: [1, Number.NaN, Number.POSITIVE_INFINITY], type: 'DOUBLE' as const },
    ];
    await writeFile(join(folder, 'rows.parquet'), Buffer.from(parquetWriteBuffer({ columnData })));
    expect(said(await read({ path: 'rows.parquet' }))).toEqual([
      '1',
      ['empty-reference', 'no reference answer'],
      ['empty-reference', 'no reference answer'],
    ]);
  });

  it('by choices of other types is told by the choice', async () => {
    const layout = { columns: ['question', 'answer', 'choices'], choices: { column: 'choices' } };
    const good = { question: 'Good?', answer: 'A', choices: ['x', 'y'] };
    const [odd] = await readRows([{ ...good, choices: ['x', true] }, good], { layout });
    expect(odd).toMatchObject({
      problem: 'choice B is the boolean true, neither text nor a number',
    });
  });
});

describe('a question', () => {
  it('that is no text is refused, and does not become JSON', async () => {
    const questions = [{}, { text: 'x' }, ['Which?'], true, 5, 12.5, null];
    const rows = questions.map((question) => ({ question, answer: 'yes' }));
    const shows = (what: string) => [
      'malformed',
      `the question shows ${what}, neither text nor a number`,
    ];
    expect(said(await readRows(rows))).toEqual([
      shows('an object'),
      shows('an object'),
      shows('a list'),
      shows('true or false'),
      'yes',
      'yes',
      ['empty-question', 'the question is empty'],
    ]);
  });

  it('may take a part of an object, and keeps the digits of a number', async () => {
    const layout = { question: '{{ question.text }} {{ question.code }}' };
    const row = '{"question": {"text": "Code?", "code": 12345678901234567891}, "answer": "yes"}';
    const good = { question: { text: 'Good?', code: 1 }, answer: 'yes' };
    await writeFile(join(folder, 'rows.jsonl'), [JSON.stringify(good), row].join('\n'));
    expect(await read({ layout })).toMatchObject([
      { sample: { problem: 'Good? 1' } },
      { sample: { problem: 'Code? 12345678901234567891' } },
    ]);
  });

  it('under a pattern that takes for ever ends the reading', async () => {
    const reference = { text: { column: 'answer', pattern: '^(a+)+$' } };
    const rows = [{ question: 'Q?', answer: `${'a'.repeat(50)}!` }];
    await expect(readRows(rows, { layout: { reference } })).rejects.toThrow(
      /pattern "\^\(a\+\)\+\$": expected one that matches or fails soon/,
    );
  });

  it('of a template that never ends is refused', async () => {
    const layout = { question: '{% for i in range(1000000000) %}x{% endfor %}{{ question }}' };
    await expect(readRows([], { layout })).rejects.toThrow(
      /the template cannot be rendered: a range of more than/,
    );
  });

  it('with marks has one for each image', async () => {
    const image = Buffer.from(png).toString('base64');
    const rows = [
      { question: '<image>Side?', answer: 'a', image },
      { question: '<image> or <image>?', answer: 'b', image },
    ];
    const layout = imageLayout;
    expect(said(await readRows(rows, { layout, input: 'image' }))).toEqual([
      'a',
      ['malformed', '2 marks <image> in the question of 1 images'],
    ]);
    // Where a task has no images, it is a text like others.
    expect(said(await readRows(rows))).toEqual(['a', 'b']);
  });
});

describe('an image of a row', () => {
  it('is never another file of this machine', async () => {
    await writeFile(join(folder, 'x.png'), png);
    await symlink('/etc/passwd', join(folder, 'link.png'));
    await mkdir(join(folder, 'sub'));
    execFileSync('/usr/bin/mkfifo', [join(folder, 'pipe.png')]);
    const images = ['x.png', '/etc/passwd', '../x.png', 'link.png', 'pipe.png', 'sub', 'own.yaml'];
    const rows = images.map((image) => ({ question: `${image}?`, answer: 'a', image }));
    const read = await readRows(rows, { layout: imageLayout, input: 'image' });
    expect(read.map((row) => (row.kind === 'sample' ? 'sample' : row.cause))).toEqual([
      'sample',
      'missing-image',
      'missing-image',
      'missing-image',
      'undecodable-image',
      'undecodable-image',
      'undecodable-image',
    ]);
  });

  it('is read from a column of bytes of any kind', async () => {
    const fixtures = fileURLToPath(
      new URL('../../../test/fixtures/parquet/images/', import.meta.url),
    );
    const layout = {
      columns: ['image', 'problem', 'solution'],
      question: '{{ problem }} {{ row.id }}',
      reference: { text: 'solution' },
      images: { columns: ['image'] },
      optional: ['id'],
    };
    for (const name of [
      'binary',
      'large-binary',
      'fixed-binary',
      'list-of-binary',
      'duckdb-blob',
    ]) {
      const access = { data: join(fixtures, `${name}.parquet`) };
      const [first] = await read({ layout, input: 'image', access });
      expect([name, first]).toMatchObject([name, { sample: { problem: 'Which side, a? a' } }]);
    }
  });
});

describe('the place of a task’s rows', () => {
  it('may not be the folder of its own file, or one around it', async () => {
    for (const path of ['.', './', '..', '../', '/', folder]) {
      await expect(readRows([], { path })).rejects.toThrow(
        /task own: source\.path: expected a file, or a folder beside the task file/,
      );
    }
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'data', 'a.jsonl'), '{"question":"Q?","answer":"a"}');
    await writeFile(join(folder, 'data', '.b.jsonl'), '{"question":"Q?","answer":"b"}');
    expect(said(await read({ path: 'data' }))).toEqual(['a']);
  });
});

describe('any bytes', () => {
  it('are samples or rejections, never a throw but for a file without one usable row', async () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      fc
        .record({ question: fc.jsonValue(), answer: fc.jsonValue(), image: fc.jsonValue() })
        .map((row) => Buffer.from(JSON.stringify(row))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 6 }), async (lines) => {
        const good = Buffer.from('{"question":"Q?","answer":"a"}\n');
        const bytes = Buffer.concat([good, ...lines.flatMap((it) => [it, Buffer.from('\n')])]);
        await writeFile(join(folder, 'rows.jsonl'), bytes);
        for (const row of await read()) {
          if (row.kind === 'rejected') expect(row.problem).toMatch(/^[^\p{Cc}]{1,600}$/u);
        }
      }),
    );
  });
});
