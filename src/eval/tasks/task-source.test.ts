import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTask } from './open-task.ts';
import { readTaskSamples } from './read-task-samples.ts';
import type { Task } from './task-schema.ts';
import { openTaskSource, type TaskAccess, taskDataState } from './task-source.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-source-'));
});
afterEach(() => rm(folder, { recursive: true }));

const signal = new AbortController().signal;
const commit = 'c0ffee'.padEnd(40, '0');
const row = (question: string) =>
  `${JSON.stringify({ CONTEXTS: ['c'], QUESTION: question, final_decision: 'no' })}\n`;

async function questionsOf(task: Task, given: TaskAccess): Promise<string[]> {
  const source = await openTaskSource(task, given);
  const questions: string[] = [];
  for await (const outcome of readTaskSamples(task, source, signal)) {
    if (outcome.kind === 'sample')
      questions.push(/Question:\n(.*)/.exec(outcome.sample.stem)?.[1] ?? '');
  }
  return questions;
}

describe('a task of the hub', () => {
  const files = {
    'pubmedqa/test-00000-of-00002.jsonl': row('First?'),
    'pubmedqa/test-00001-of-00002.jsonl': row('Second?'),
    'pubmedqa/train-00000-of-00001.jsonl': row('Of another split?'),
    'pmc_vqa/test-00000-of-00001.jsonl': row('Of another config?'),
  };

  it('is downloaded once, at the commit that main was then, and read again without the hub', async () => {
    const task = await openTask('pubmedqa');
    const hub = await serveHub(task, files);
    const given = { hub: { endpoint: hub.endpoint, token: 'hf_secret' }, cache: folder };
    expect(await taskDataState(task, given)).toMatchObject({ kind: 'hub', revision: null });
    expect(await questionsOf(task, given)).toEqual(['First?', 'Second?']);
    expect(hub.tokens()).toEqual(['Bearer hf_secret']);
    await hub.close();
    expect(await questionsOf(task, given)).toEqual(['First?', 'Second?']);
    expect(await taskDataState(task, given)).toMatchObject({ kind: 'cached', revision: commit });
    const source = await openTaskSource(task, given);
    expect(source).toMatchObject({
      revision: commit,
      description: 'sahalshajim/medix-eval-sets / pubmedqa / test',
    });
  });

  it('whose download is cut short is asked for the rest', async () => {
    const task = await openTask('pubmedqa');
    const hub = await serveHub(task, files);
    const given = { hub: { endpoint: hub.endpoint }, cache: folder };
    hub.cutNext();
    expect(await questionsOf(task, given)).toEqual(['First?', 'Second?']);
    expect(hub.ranges()).toContain('bytes=5-');
    await hub.close();
  });

  it('that cannot be kept is a clear error', async () => {
    const task = await openTask('pubmedqa');
    const hub = await serveHub(task, files);
    const cache = join(folder, 'gone');
    await symlink('nowhere', cache);
    const opening = openTaskSource(task, { hub: { endpoint: hub.endpoint }, cache });
    await expect(opening).rejects.toThrow(
      /gone.*main\.json: expected a place that can be written, got .*; .* another folder for downloads$/,
    );
    await hub.close();
  });

  it('that is gated, or that names files outside of it, is a clear error', async () => {
    const task = await openTask('pubmedqa');
    const gated = await serveHub(task, files, 401);
    const given = { hub: { endpoint: gated.endpoint }, cache: folder };
    await expect(openTaskSource(task, given)).rejects.toThrow(
      /HF_TOKEN for a gated or private data set/,
    );
    await gated.close();
    const hostile = await serveHub(task, { '../../../pubmedqa/test.jsonl': row('Q?') });
    const access = { hub: { endpoint: hostile.endpoint }, cache: folder };
    await expect(questionsOf(task, access)).rejects.toThrow(
      /expected names of files within the data set/,
    );
    await hostile.close();
  });

  it('without files of its split is told what there is', async () => {
    const task = await openTask('pubmedqa');
    const hub = await serveHub(task, { 'README.md': 'x' });
    const opening = openTaskSource(task, { hub: { endpoint: hub.endpoint }, cache: folder });
    await expect(opening).rejects.toThrow(
      /expected parquet, JSONL, JSON, CSV or TSV files .*got README\.md/,
    );
    await hub.close();
  });
});

describe('a task with data of the user', () => {
  it('finds its split and config in a folder, and has a revision that the rows decide', async () => {
    const task = await openTask('pubmedqa');
    for (const config of ['pubmedqa', 'other']) await mkdir(join(folder, config));
    await writeFile(join(folder, 'pubmedqa/test.jsonl'), row('Mine?'));
    await writeFile(join(folder, 'pubmedqa/train.jsonl'), row('Of another split?'));
    await writeFile(join(folder, 'other/test.jsonl'), row('Of another config?'));
    const given = { data: folder, hub: {}, cache: '' };
    expect(await questionsOf(task, given)).toEqual(['Mine?']);
    const { revision } = await openTaskSource(task, given);
    await writeFile(join(folder, 'pubmedqa/test.jsonl'), row('Changed?'));
    expect(revision).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await openTaskSource(task, given)).revision).not.toBe(revision);
  });

  it('that is missing is named', async () => {
    const task = await openTask('pubmedqa');
    const given = { data: join(folder, 'gone.jsonl'), hub: {}, cache: '' };
    await expect(openTaskSource(task, given)).rejects.toThrow(/gone\.jsonl: .*got no such file/);
    expect(await taskDataState(task, given)).toMatchObject({ kind: 'local', exists: false });
  });
});

describe('a task whose images the user brings', () => {
  it.each(['slake_vqa', 'mimic_cxr_report_generation'])(
    '%s without them is one clear error before anything is downloaded',
    async (id) => {
      const task = await openTask(id);
      const opening = openTaskSource(task, {
        hub: { endpoint: 'http://127.0.0.1:9' },
        cache: folder,
      });
      await expect(opening).rejects.toThrow(
        new RegExp(`task ${id}: expected a folder with its images.*imageRoots\\.${id}`),
      );
    },
  );

  it('needs none for a summary of the report alone', async () => {
    const task = await openTask('mimic_cxr_report_summarization');
    const path = join(folder, 'rows.jsonl');
    await writeFile(path, JSON.stringify({ report: 'R', summary: 'S', image: 'https://x/y.jpg' }));
    const source = await openTaskSource(task, { data: path, hub: {}, cache: '' });
    const rows = readTaskSamples(task, source, signal);
    expect(await rows.next()).toMatchObject({ value: { sample: { images: [] } } });
    await expect(access(join(folder, 'y.jpg'))).rejects.toThrow();
    expect(await readFile(path, 'utf8')).toContain('summary');
  });
});

/** The calls of the hub API that a task takes: the commit of main, the file tree, and files. */
async function serveHub(task: Task, files: Readonly<Record<string, string>>, status = 200) {
  const dataset = 'hub' in task.source ? task.source.hub : '';
  const tokens = new Set<string | undefined>();
  const ranges: (string | undefined)[] = [];
  let cut = false;
  const server = createServer((request, response) => {
    tokens.add(request.headers.authorization);
    ranges.push(request.headers.range);
    const path = decodeURIComponent(request.url?.split('?')[0] ?? '');
    const send = (body: unknown) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    const name = path.split(`/resolve/${commit}/`)[1] ?? '';
    if (status !== 200) response.writeHead(status).end('{}');
    else if (path.endsWith(`/tree/${commit}`)) {
      send(
        Object.entries(files).map(([path, text]) => ({ type: 'file', path, size: text.length })),
      );
    } else if (path.startsWith(`/api/datasets/${dataset}`)) {
      send({ _id: '1', id: dataset, sha: commit });
    } else sendFile(files[name]);

    function sendFile(text: string | undefined): void {
      if (text === undefined) {
        response.writeHead(404).end('{}');
        return;
      }
      const bytes = Buffer.from(text);
      const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
      const part = bytes.subarray(Number(from ?? 0), to ? Number(to) + 1 : bytes.length);
      response.writeHead(from === undefined ? 200 : 206, {
        etag: '"1"',
        'content-length': part.length,
        'content-range': `bytes ${from ?? 0}-${Number(from ?? 0) + part.length - 1}/${bytes.length}`,
      });
      if (cut && part.length > 1) {
        cut = false;
        response.write(part.subarray(0, 5), () => response.destroy());
      } else response.end(part);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokens: () => [...tokens],
    ranges: () => ranges,
    cutNext: () => {
      cut = true;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
