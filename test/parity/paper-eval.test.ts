/**
 * The mode medix-r1-reference beside the rules of the paper's evaluation (arXiv 2602.23363) as paper_eval.py writes
 * them down, both in front of one scripted judge: what a judge is shown, how often it is asked and what comes of it,
 * row by row. Where they differ, docs/papers.md says so.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOpenAiChatModel } from '../../src/chat/openai-chat-model.ts';
import { systemClock } from '../../src/core/async/clock.ts';
import { type Rng, rngFromKey } from '../../src/core/rng.ts';
import { createJudge, type Judging } from '../../src/eval/judging/judging.ts';
import { readRoundPrompts } from '../../src/eval/judging/prompts.ts';
import { createRoundGrader } from '../../src/eval/judging/round-grader.ts';
import { createLedger } from '../../src/http/ledger.ts';
import {
  type MisbehavingServer,
  startMisbehavingServer,
} from '../../src/http/misbehaving-server.fixture.ts';

const script = fileURLToPath(new URL('paper_eval.py', import.meta.url));
const hasPython = spawnSync('python3', ['--version']).status === 0;

const kinds = [
  { task: 'medqa', kind: 'multiple-choice' },
  { task: 'rad_vqa', kind: 'open' },
  { task: 'mimic_cxr_report_generation', kind: 'report' },
] as const;
type Kind = (typeof kinds)[number]['kind'];
type Row = {
  readonly id: string;
  readonly kind: Kind;
  readonly question: string;
  readonly answer: string;
  readonly response: string;
  /** What the judge says in each round. */
  readonly replies: readonly string[];
};
type PaperRow = {
  readonly id: string;
  readonly shown: string;
  readonly asked: number;
  /** NaN is written by Python and read here as `null` beside `isNan`. */
  readonly score: number | null;
};
type Verdict = Awaited<ReturnType<Judging['judge']>>;

/** Around an answer; `{}` is the answer. */
const responses = [
  '{}',
  ' {} ',
  '<answer>{}</answer>',
  '<X_RAY><thinking>White.</thinking><answer>{}</answer>',
  '<think>White.</think>{}',
  '<think>White.</think>\n\n<answer>{}</answer>\n',
  'White, opened in the prompt.</think> {}',
  'White.</thinking>\u00a0{}\u001c',
  '<think>a</think>no<think>b</think>{}',
  '<thinking>a</thinking>no<thinking>b</thinking>{}',
  '<thinking>a</thinking>b<think>c</think>{}',
  '<think>a</think>b<thinking>c</thinking>{}',
  '<think>White, so {}',
  '<thinking>White, so {}',
  '<THINK>White</THINK>{}',
  '{}<think>afterthought</think>',
  '{}</thinking>',
  '[THINK]White[/THINK]{}',
  '',
  '   ',
];

/** Around a score; `{}` is the score. */
const replies = [
  '{"score": {}}',
  '```json\n{\n"score": {}\n}\n```',
  'Sure: {"score": {}} as asked.',
  '<think>Hm, {"score": 0}.</think>{"score": {}}',
  '<think>\n\n</think>\n\n{"score": {}}',
  '<thinking>{"score": 0}</thinking>{"score": {}}',
  'thinking without a beginning</think> {"score": {}}',
  '<think>An unclosed thought says {"score": {}}',
  '{"score": {}}<think>Is that right?</think>',
  '{"score": {}}</thinking>',
  '<think>a</think>{"score": 0}</thinking>{"score": {}}',
  '{"score": {}, "reason": "It fits {well}."}',
  '{"score": {}} or {"score": 0}',
  '{"reason": "", "score": {}, "score": {}}',
  '{"grade": {}}',
  '{"score": "{}"}',
  '{"score": [{}]}',
  "{'score': {}}",
  '{"score": {}',
  '}{"score": {}}{',
  '[{}]',
  '{}',
  'The score is {}.',
  '',
  '{"score": NaN}',
  '{"score": Infinity}',
  '{"score": -Infinity, "why": "NaN"}',
  '{"score": true}',
  '{"score": false}',
  '{"score": null}',
  '{"score": {}e0}',
  '{"score": 1{}}',
  '{"score": -{}}',
  '{"score": 0.9999999999999999{}}',
  '{"Score": {}}',
  '{"score": {}}{',
  '\ufeff{"score": {}}',
];

function rowsOf(seed: string): Row[] {
  const rng = rngFromKey(seed);
  return kinds.flatMap(({ task, kind }) =>
    Array.from({ length: 150 }, (_, index): Row => {
      const answer = kind === 'multiple-choice' ? 'B' : 'pneumonia';
      return {
        id: `${task}_${index}`,
        kind,
        question: `What is seen in ${task} number ${index}?`,
        answer,
        response: pick(responses, rng).replace('{}', () => answer),
        replies: [1, 2, 3].map(() => reply(kind, rng)),
      };
    }),
  );
}

function pick<T>(items: readonly T[], rng: Rng): T {
  return items[rng.integer(items.length)] as T;
}

/** Half of them are plain, so that rows with three scores are common. */
function reply(kind: Kind, rng: Rng): string {
  const shape = rng.next() < 0.5 ? pick(replies.slice(0, 5), rng) : pick(replies, rng);
  const score =
    kind === 'report'
      ? pick(['0', '1', '3', '4', '5', '2.5', '7'], rng)
      : pick(['0', '1', '1.0'], rng);
  return shape.replaceAll('{}', () => score);
}

describe.skipIf(!hasPython)(
  'the mode medix-r1-reference (skipped where there is no python3)',
  () => {
    const rows = rowsOf('paper-eval');
    const asked = new Map<string, number>();
    let server: MisbehavingServer;
    let folder = '';
    let paper: PaperRow[] = [];
    let ours: Verdict[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'medix-paper-eval-'));
      server = await startMisbehavingServer(undefined, {
        models: ['judge'],
        reply: (messages) => {
          const [, task, index] = /in (\w+) number (\d+)\?/.exec(messages) ?? [];
          const round = messages.split('"role":"assistant"').length - 1;
          const id = `${task}_${index}`;
          asked.set(id, (asked.get(id) ?? 0) + 1);
          return rows.find((row) => row.id === id)?.replies[round] ?? '';
        },
      });
      const path = join(folder, 'rows.jsonl');
      await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      const { stdout } = await promisify(execFile)('python3', [script, path, server.url], {
        maxBuffer: 2 ** 24,
      });
      paper = stdout
        .trimEnd()
        .split('\n')
        // Python writes numbers that JSON does not have; as text they stay what they are.
        .map((line) => JSON.parse(line.replace(/: (-?Infinity|NaN)\}$/, ': "$1"}')));
      asked.clear();
      ours = await judgeAll(rows, server.url);
    });
    afterAll(async () => {
      server.stop();
      await rm(folder, { recursive: true });
    });

    it('judges 450 rows of three kinds', () => {
      expect(paper.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
      expect(ours).toHaveLength(450);
      // Every way in which a row can end is there, often enough to tell.
      for (const { kind } of kinds) {
        const scores = paper.filter((_, i) => rows[i]?.kind === kind).map(({ score }) => score);
        expect(scores.filter((score) => typeof score === 'number').length, kind).toBeGreaterThan(
          30,
        );
        expect(scores.filter((score) => score === null).length, kind).toBeGreaterThan(30);
      }
    });

    it('shows the judge the same answer', () => {
      expect(ours.map(({ answer }) => answer)).toEqual(paper.map(({ shown }) => shown));
    });

    it('asks as many rounds, and one that cannot be read is the last', () => {
      const different = rows.filter(({ id }, i) => asked.get(id) !== paper[i]?.asked);
      expect(different.filter(({ kind }) => kind !== 'report')).toEqual([]);
      // A report's score that is none ends our rounds, and the paper's only once they are added up.
      for (const { id, replies: said } of different) {
        expect(said[(asked.get(id) ?? 0) - 1], id).toMatch(
          /NaN|Infinity|"score": (?:"|\[|null|-[1-9]|1\d|[67])/,
        );
      }
    });

    it('comes to the same verdict in every row', () => {
      const verdicts = ours.map(({ outcome }, i) =>
        outcome.kind === 'scored' ? outcome.score * (rows[i]?.kind === 'report' ? 5 : 1) : null,
      );
      const different = rows.flatMap(({ id, kind }, i) => {
        const [own, theirs] = [verdicts[i] ?? null, paper[i]?.score ?? null];
        const isEqual = own === theirs || Math.abs(Number(own) - Number(theirs)) < 1e-9;
        return own !== null && theirs !== null && isEqual
          ? []
          : own === theirs
            ? []
            : [{ id, kind, own, theirs }];
      });
      // docs/papers.md: a report has no score where one of the three is not a number from 0 to 5.
      for (const { id, kind, own } of different) {
        const row = rows.find((one) => one.id === id);
        expect({ id, kind, own }).toEqual({ id, kind: 'report', own: null });
        expect(row?.replies.join('\n')).toMatch(/NaN|Infinity|"score": (?:-[1-9]|1\d|[67])/);
      }
      expect(different.length).toBeLessThan(75);
      expect(
        ours.every(({ outcome }) => outcome.kind === 'scored' || outcome.cause === 'unparsable'),
      ).toBe(true);
    });
  },
);

async function judgeAll(rows: readonly Row[], url: string): Promise<Verdict[]> {
  const ledger = createLedger();
  const model = createOpenAiChatModel(
    { url, model: 'judge', concurrency: 4, deadlineMs: 60_000, attempts: 1 },
    { rng: rngFromKey('paper-eval'), clock: systemClock, ledger, use: 'judge' },
  );
  const grader = createRoundGrader({
    model,
    ledger,
    prompts: await readRoundPrompts(),
    maxTokens: null,
  });
  const judge = createJudge({ mode: 'medix-r1-reference', graders: [grader], metrics: [] });
  const signal = new AbortController().signal;
  const verdicts = await Promise.all(
    rows.map(({ id, kind, question, answer, response }) => {
      const choices =
        kind === 'multiple-choice'
          ? [
              { letter: 'A', text: 'no' },
              { letter: 'B', text: 'B' },
            ]
          : [];
      const sample = {
        id,
        kind,
        problem: question,
        stem: question,
        choices,
        referenceAnswer: answer,
        accepted: [],
        images: [],
      };
      return judge({ sample, response, truncated: false }, signal);
    }),
  );
  await grader.close();
  return verdicts;
}
