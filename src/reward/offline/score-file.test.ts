import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createLedger } from '../../http/ledger.ts';
import type { JudgeItem, JudgeOutcome } from '../../judge/judge.ts';
import { createReward } from '../composite.ts';
import { openRewardProfile } from '../profile.ts';
import { dead, no, scriptedEmbedder, scriptedJudge, yes } from '../scripted.fixture.ts';
import { scoreFile } from './score-file.ts';

const folder = await mkdtemp(join(tmpdir(), 'medix-score-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const never = new AbortController().signal;
const profile = await openRewardProfile('medix-r1');
const input = join(folder, 'in.jsonl');
const out = join(folder, 'out.jsonl');

const answers = ['gout', 'lupus', 'sepsis', 'asthma', 'scurvy', 'rickets', 'mumps', 'typhus'];
const respond = (answer: string) => `<CT_SCAN><thinking>t</thinking><answer>${answer}</answer>`;
const rows = answers.map((answer, i) => ({
  id: `row ${i}`,
  response: respond(answer),
  ground_truth: '<CT_SCAN>influenza',
}));

beforeEach(async () => {
  for (const name of await readdir(folder)) await rm(join(folder, name));
  await writeFile(input, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});

const byLength = ({ answer }: JudgeItem) => (answer.length % 2 === 0 ? yes : no);

function openedWith(verdict: JudgeOutcome | ((item: JudgeItem) => JudgeOutcome)) {
  const { judge, calls } = scriptedJudge(verdict);
  const apart = Object.fromEntries(answers.map((text) => [text, 1]));
  const { embedder } = scriptedEmbedder({ ...apart, influenza: -1 });
  const opened = {
    reward: createReward({ profile, judge, embedder }),
    ledger: createLedger(),
    seesImages: false,
  };
  return { opened, asked: () => calls.flat().map(({ answer }) => answer) };
}

type Opened = ReturnType<typeof openedWith>['opened'];

const score = (opened: Opened, signal = never, changes: { force?: boolean } = {}) =>
  scoreFile(
    { input, out, opened, force: false, batchRows: 3, onProgress: () => {}, ...changes },
    signal,
  );

const linesOf = async (path: string) =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('scoring a file', () => {
  it('writes one row per row in their order, and sums them up', async () => {
    const report = await score(openedWith(byLength).opened);
    const scored = await linesOf(out);
    expect(scored.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    expect(scored[0]).toMatchObject({
      line: 1,
      reward: expect.closeTo(0.5175 + 0.145, 12),
      components: { judge: { kind: 'scored', value: 1, detail: 'YES' } },
    });
    const mean = scored.reduce((sum, { reward }) => sum + reward, 0) / scored.length;
    expect(report).toMatchObject({
      rows: 8,
      resumedRows: 0,
      reward: { mean: expect.closeTo(mean, 12), scored: 8, unscored: 0 },
      components: { format: { mean: 1 } },
      unscored: {},
    });
  });

  it('leaves rows unscored that are broken or whose judge fails, and no others', async () => {
    await writeFile(
      input,
      [rows[0], 'broken', rows[1], { id: 'x', response: 'gout' }, rows[2]]
        .map((row) => (typeof row === 'string' ? `${row}\n` : `${JSON.stringify(row)}\n`))
        .join(''),
    );
    const { opened } = openedWith(({ answer }) => (answer === 'lupus' ? dead : yes));
    const report = await score(opened);
    expect(await linesOf(out)).toMatchObject([
      { id: 'row 0', reward: expect.closeTo(0.6625, 12) },
      { id: null, line: 2, reward: null, cause: 'malformed' },
      {
        id: 'row 1',
        reward: null,
        cause: 'transport',
        message: 'connection refused',
        components: { judge: { kind: 'unscored' }, format: { kind: 'scored', value: 1 } },
      },
      { id: 'x', reward: null, cause: 'malformed', message: 'ground_truth: is missing' },
      { id: 'row 2', reward: expect.closeTo(0.6625, 12) },
    ]);
    expect(report).toMatchObject({ rows: 5, unscored: { malformed: 2, transport: 1 } });
    expect(report.components['judge']).toEqual({ mean: 1, scored: 2, unscored: 1 });
  });

  it('resumes where it was interrupted and ends with the same bytes', async () => {
    await score(openedWith(byLength).opened);
    const undisturbed = await readFile(out);
    await rm(out);

    const stop = new AbortController();
    const stopping = openedWith((item) => {
      if (item.answer === 'mumps') stop.abort();
      return byLength(item);
    });
    await expect(score(stopping.opened, stop.signal)).rejects.toThrow(
      /interruption after \d rows; run the same command again to resume/,
    );
    const written = (await linesOf(`${out}.part`)).length;
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(rows.length);

    const resumed = openedWith(byLength);
    const report = await score(resumed.opened);
    expect(report).toMatchObject({ rows: 8, resumedRows: written });
    expect(resumed.asked()).toEqual(answers.slice(written));
    expect((await readFile(out)).equals(undisturbed)).toBe(true);
  });

  it('stops before the first row that a cap leaves unasked, to resume when the cap is raised', async () => {
    const capped: JudgeOutcome = {
      kind: 'unscored',
      cause: 'cap-reached',
      message: 'cap.calls of 4 is reached',
    };
    const { opened } = openedWith((item) =>
      answers.indexOf(item.answer) >= 4 ? capped : byLength(item),
    );
    await expect(score(opened)).rejects.toThrow(
      /4 rows, then: cap\.calls of 4 is reached; raise the cap, then run the same command again to resume/,
    );
    expect(await linesOf(`${out}.part`)).toHaveLength(4);
    const resumed = openedWith(byLength);
    expect(await score(resumed.opened)).toMatchObject({ rows: 8, resumedRows: 4 });
    expect(resumed.asked()).toEqual(answers.slice(4));
  });

  it('counts what earlier calls asked', async () => {
    const stop = new AbortController();
    const first = openedWith((item) => {
      first.opened.ledger.meter('judge').requested();
      if (item.answer === 'mumps') stop.abort();
      return yes;
    });
    await score(first.opened, stop.signal).catch(() => undefined);
    const asked = first.asked().length;
    const report = await score(openedWith(yes).opened);
    expect(report.ledger['judge']?.requests).toBe(asked);
  });

  it('refuses to mix rows of another input', async () => {
    const stop = new AbortController();
    const { opened } = openedWith((item) => {
      if (item.answer === 'mumps') stop.abort();
      return yes;
    });
    await score(opened, stop.signal).catch(() => undefined);
    await writeFile(input, `${JSON.stringify(rows[0])}\n`);
    await expect(score(openedWith(yes).opened)).rejects.toThrow(/a file with another input/);
    expect(await score(openedWith(yes).opened, never, { force: true })).toMatchObject({ rows: 1 });
    await expect(
      scoreFile(
        {
          input: join(folder, 'none.jsonl'),
          out,
          opened: openedWith(yes).opened,
          force: false,
          batchRows: 1,
          onProgress: () => {},
        },
        never,
      ),
    ).rejects.toThrow(/none\.jsonl: expected a JSONL file of responses/);
  });
});
