import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { listTasks, openTask } from './open-task.ts';
import { readTaskSamples } from './read-task-samples.ts';
import type { TaskRow } from './sample.ts';
import { openTaskSource } from './task-source.ts';

/** `<task>/rows.jsonl` in the data set's own schema with content of ours, `images/`, `expected.json`. */
const fixtures = fileURLToPath(new URL('../../../test/fixtures/eval-rows', import.meta.url));
const ids = await readdir(fixtures);

describe('every built-in task', () => {
  it('has rows of its schema to be tested on', async () => {
    expect((await listTasks()).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  });

  it.each(ids)(
    '%s makes samples of rows in their real schema and tells what is wrong with others',
    async (id) => {
      const expected = JSON.parse(await readFile(join(fixtures, id, 'expected.json'), 'utf8'));
      const rows = await rowsOf(id);
      expect(rows.map(shown)).toEqual(expected);
    },
  );
});

async function rowsOf(id: string): Promise<TaskRow[]> {
  const images = join(fixtures, id, 'images');
  const hasImages = await stat(images).then(
    () => true,
    () => false,
  );
  const task = await openTask(id);
  const source = await openTaskSource(task, {
    data: join(fixtures, id, 'rows.jsonl'),
    ...(hasImages ? { imageRoot: images } : {}),
    hub: {},
    cache: '',
  });
  const rows: TaskRow[] = [];
  for await (const row of readTaskSamples(task, source, new AbortController().signal))
    rows.push(row);
  return rows;
}

/** What a row became, without image bytes and machine-dependent paths. */
function shown(row: TaskRow) {
  if (row.kind === 'rejected') return { index: row.index, row: row.row, cause: row.cause };
  const { id, index, kind, problem, choices, referenceAnswer, referenceLetter } = row.sample;
  const { accepted, images, imageDigests, cluster, subgroups } = row.sample;
  return {
    id,
    index,
    kind,
    question: problem,
    ...(choices.length > 0 ? { choices } : {}),
    reference: referenceAnswer,
    ...(referenceLetter === undefined ? {} : { referenceLetter }),
    accepted,
    images: images.length,
    imageDigests: imageDigests.map((d) => d.slice(0, 8)),
    cluster,
    subgroups,
  };
}
