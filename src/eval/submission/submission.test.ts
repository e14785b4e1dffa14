import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOfBytes } from '../../core/digest.ts';
import { resultsFile } from '../results/layout.ts';
import type { SampleRow, TaskKind } from '../results/records.ts';
import { openSubmission, submissionName } from './submission.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-submission-'));
});
afterEach(() => rm(folder, { recursive: true }));

type Answered = { readonly text: string | null; readonly score: number | null };
type TaskOfTest = {
  readonly kind?: TaskKind;
  readonly access?: 'public' | 'credentialed';
  /** In the order of the task. */
  readonly answers: readonly Answered[];
};

async function evaluate(tasks: Readonly<Record<string, TaskOfTest>>): Promise<void> {
  const entries = Object.entries(tasks).map(([id, { access = 'public' }]) => [
    id,
    { digest: 'd', source: 's', revision: null, access },
  ]);
  await writeRows(resultsFile.manifest(folder), [
    {
      createdAt: '2026-01-01T00:00:00.000Z',
      config: {},
      model: { id: 'MBZUAI/MediX-R1-8B', kind: 'openai', digest: 'd' },
      tasks: Object.fromEntries(entries),
      template: { name: 'question', digest: 'd' },
      versions: {},
      ledger: {},
    },
  ]);
  await writeRows(resultsFile.judging(folder, 'judge'), [
    {
      createdAt: '2026-01-01T00:00:00.000Z',
      mode: 'medix-r1-reference',
      votes: 1,
      judges: [{ id: 'qwen3-14b', kind: 'openai', digest: 'd', certificate: null }],
      ledger: {},
    },
  ]);
  for (const [task, { kind = 'open', answers }] of Object.entries(tasks)) {
    // Rows come in any order.
    const samples = answers.map((_, index) => sampleOf(task, index, kind)).toReversed();
    await writeRows(resultsFile.samples(folder, task), samples);
    await writeRows(resultsFile.responses(folder, task), answers.map(responseOf(task)));
    await writeRows(resultsFile.verdicts(folder, 'judge', task), answers.flatMap(verdictOf(task)));
  }
}

function sampleOf(task: string, index: number, kind: TaskKind): SampleRow {
  const choices = [
    { letter: 'A', text: 'spleen' },
    { letter: 'B', text: 'liver' },
  ];
  return {
    id: `${task}-${index}`,
    task,
    index,
    kind,
    question: `Which organ?\n${index}`,
    choices: kind === 'multiple-choice' ? choices : [],
    reference: 'liver',
    accepted: [],
    cluster: `${index}`,
    subgroups: {},
    images: [],
  };
}

function responseOf(task: string) {
  return ({ text }: Answered, index: number) => ({
    ...keyOf(task, index),
    outcome:
      text === null
        ? { kind: 'failed', cause: 'timeout', message: 'late' }
        : { kind: 'answered', text, stopReason: 'stop', latencyMs: 1 },
  });
}

function verdictOf(task: string) {
  return ({ text, score }: Answered, index: number) =>
    text === null || score === null
      ? []
      : [
          {
            ...keyOf(task, index),
            response: digestOfBytes(text),
            answer: text,
            truncated: false,
            outcome: { kind: 'scored', score },
            votes: [],
          },
        ];
}

function keyOf(task: string, index: number) {
  return { sampleId: `${task}-${index}`, variant: 'original', epoch: 0 };
}

async function writeRows(path: string, rows: readonly object[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

async function pack(change: { includeCredentialed?: boolean; mmmuFolder?: string } = {}) {
  const submission = await openSubmission({
    folder,
    judgingName: 'judge',
    includeCredentialed: false,
    ...change,
  });
  const pieces: Uint8Array[] = [];
  await submission.write(async (piece) => {
    pieces.push(Buffer.from(piece));
  });
  const bytes = Buffer.concat(pieces);
  const files = Object.fromEntries(
    Object.entries(unzipSync(bytes)).map(([path, content]) => [
      path,
      Buffer.from(content).toString(),
    ]),
  );
  return { ...submission, bytes, files };
}

const right = { text: 'liver', score: 1 };
const wrong = { text: 'spleen', score: 0 };

describe('the submission', () => {
  it('has the name and the listing of the paper’s script', async () => {
    await evaluate({ medqa: { answers: [right] } });
    const { name, files } = await pack();
    expect(name).toBe('c8d23a8f_MediX_R1_8B_submission.zip');
    expect(Object.keys(files)).toEqual([
      'MediX_R1_8B/',
      'MediX_R1_8B/MediX_R1_8B.jsonl',
      'MediX_R1_8B/MediX_R1_8B_eval.jsonl',
      'MediX_R1_8B/MediX_R1_8B_score.txt',
    ]);
  });

  it('takes along what MedEvalKit wrote, under the model’s name', async () => {
    await evaluate({ medqa: { answers: [right] } });
    const mmmuFolder = join(folder, 'mmmu');
    await writeRows(join(mmmuFolder, 'MMMU-Medical-val', 'Pharmacy', 'result.json'), [{ a: 1 }]);
    await writeRows(join(mmmuFolder, 'MMMU-Medical-val', 'result.json'), [{ b: 2 }]);
    const { files, remarks } = await pack({ mmmuFolder });
    expect(Object.keys(files).slice(4)).toEqual([
      'MediX-R1-8B-MMMU-Medical-val/',
      'MediX-R1-8B-MMMU-Medical-val/MMMU-Medical-val/',
      'MediX-R1-8B-MMMU-Medical-val/MMMU-Medical-val/Pharmacy/',
      'MediX-R1-8B-MMMU-Medical-val/MMMU-Medical-val/Pharmacy/result.json',
      'MediX-R1-8B-MMMU-Medical-val/MMMU-Medical-val/result.json',
    ]);
    expect(remarks.join()).not.toContain('MMMU');
  });

  it('writes rows in the order of the task, spaced as Python does', async () => {
    const said = { text: '<think>x</think>Größe "1"\n\t', score: 1 };
    await evaluate({ medqa: { kind: 'multiple-choice', answers: [said, wrong] } });
    const { files } = await pack();
    expect(files['MediX_R1_8B/MediX_R1_8B.jsonl']?.split('\n')).toEqual([
      '{"id": "medqa_0", "question": "Which organ?\\n0", "answer": "liver", "response": "<think>x</think>Größe \\"1\\"\\n\\t", "answer_idx": "B"}',
      '{"id": "medqa_1", "question": "Which organ?\\n1", "answer": "liver", "response": "spleen", "answer_idx": "B"}',
      '',
    ]);
  });

  it('adds the evaluation to judged answers; reports stand on the scale of 0 to 5', async () => {
    await evaluate({
      rad_vqa: { answers: [right, { text: 'what', score: null }, wrong] },
      mimic_cxr_report_generation: { kind: 'report', answers: [{ text: 'clear', score: 0.6 }] },
    });
    const { files } = await pack();
    const lines = files['MediX_R1_8B/MediX_R1_8B_eval.jsonl']?.trim().split('\n') ?? [];
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map(({ id, evaluation, answer_idx }) => [id, evaluation, answer_idx])).toEqual([
      ['rad_vqa_0', { score: 1 }, null],
      ['rad_vqa_2', { score: 0 }, null],
      ['mimic_cxr_report_generation_0', { score: 3 }, null],
    ]);
    expect(files['MediX_R1_8B/MediX_R1_8B_score.txt']).toContain('60.00%');
  });

  it('lists tasks in the order of the script and remarks on what is missing', async () => {
    await evaluate({
      rad_vqa: { answers: [right, { text: null, score: null }] },
      mmlu_anatomy: { answers: [right] },
      of_my_own: { answers: [right] },
    });
    const { tasks, remarks } = await pack();
    expect(tasks.map(({ taskId }) => taskId)).toEqual(['mmlu_anatomy', 'rad_vqa']);
    expect(remarks).toEqual([
      expect.stringMatching(/^without mmlu_clinical_knowledge, .*, pmc_vqa_hard, /),
      'not on the leaderboard, so left out: of_my_own',
      'rad_vqa: 1 of 2 questions answered, 1 judged',
      'without MMMU-Medical, which MedEvalKit evaluates',
    ]);
  });

  it('is the same bytes whenever it is packed', async () => {
    await evaluate({ medqa: { answers: [right, wrong] } });
    expect((await pack()).bytes.equals((await pack()).bytes)).toBe(true);
  });

  it('does not take the verdict on another answer', async () => {
    await evaluate({ medqa: { answers: [right, wrong] } });
    const changed = [{ text: 'kidney', score: 0 }, wrong].map(responseOf('medqa'));
    await writeRows(resultsFile.responses(folder, 'medqa'), changed);
    const { tasks } = await pack();
    expect(tasks[0]?.answers.map(({ score }) => score)).toEqual([undefined, 0]);
  });
});

describe('names that a stranger chose', () => {
  it('leave nothing in the zip outside of its own folders', async () => {
    await evaluate({ medqa: { answers: [right] } });
    const manifest = JSON.parse(await readFile(resultsFile.manifest(folder), 'utf8'));
    const id = 'org/..\\..\\C:evil\u0000\u202e\nmean 100%';
    await writeRows(resultsFile.manifest(folder), [
      { ...manifest, model: { ...manifest.model, id } },
    ]);
    const mmmuFolder = join(folder, 'mmmu');
    const names = [
      '..\\..\\up.json',
      'C:drive.json',
      'line\nend.json',
      'dots...',
      'blank ',
      'good é.json',
    ];
    for (const name of names) await writeRows(join(mmmuFolder, name), [{}]);
    const { name, files } = await pack({ mmmuFolder });
    expect(name).toMatch(/^[0-9a-f]{8}_\w+_submission\.zip$/);
    const paths = Object.keys(files);
    expect(paths).toHaveLength(4 + 1 + names.length);
    for (const path of paths) {
      expect(path).not.toMatch(/[\\:\p{Cc}\p{Bidi_Control}]|^\/|(^|\/)\.{1,2}(\/|$)|[. ](\/|$)/u);
    }
    expect(paths.some((path) => path.endsWith('/good é.json'))).toBe(true);
    const score = files[paths.find((path) => path.endsWith('_score.txt')) ?? ''] ?? '';
    expect(score.split('\n')[0]).toContain('mean 100%');
  });

  it('are refused where they cannot be told apart', async () => {
    await evaluate({ medqa: { answers: [right] } });
    const mmmuFolder = join(folder, 'mmmu');
    for (const name of ['a:b', 'a*b']) await writeRows(join(mmmuFolder, name), [{}]);
    await expect(pack({ mmmuFolder })).rejects.toThrow(/got two of one name/);
  });
});

describe('a submission is refused', () => {
  it('with credentialed data, unless that is asked for', async () => {
    const answers = [{ text: 'clear', score: 1 }];
    await evaluate({
      mimic_cxr_report_summarization: { kind: 'report', access: 'credentialed', answers },
    });
    await expect(pack()).rejects.toThrow(
      /mimic_cxr_report_summarization: expected public data.*--include-credentialed/,
    );
    expect((await pack({ includeCredentialed: true })).tasks).toHaveLength(1);
  });

  it('without a score of some task', async () => {
    await evaluate({
      medqa: { answers: [right] },
      rad_vqa: { answers: [{ ...right, score: null }] },
    });
    await expect(pack()).rejects.toThrow(/a score of every task, got none of rad_vqa/);
  });

  it('without any task of the leaderboard', async () => {
    await evaluate({ of_my_own: { answers: [right] } });
    await expect(pack()).rejects.toThrow(/a task of the leaderboard/);
  });

  it('where MedEvalKit wrote nothing', async () => {
    await evaluate({ medqa: { answers: [right] } });
    await expect(pack({ mmmuFolder: join(folder, 'absent') })).rejects.toThrow(/--mmmu .*absent/);
  });
});

it('names the zip by the last part of the model’s name', () => {
  const path = submissionName('/models/My.Model v2/');
  expect(path).toMatch(/^[0-9a-f]{8}_My_Model_v2_submission\.zip$/);
  expect(submissionName('My.Model v2')).toBe(path);
});
