/** A small evaluation in a folder of its own: real tasks and stages, a scripted model. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { evalConfigSchema } from '../../config/eval-config.ts';
import type { Clock } from '../../core/async/clock.ts';
import { inWindow } from '../../core/async/in-window.ts';
import type { Sample } from '../../core/sample.ts';
import type { Answerer, AnswerOutcome, AnswerRequest } from '../answerers/answerer.ts';
import type { Judging } from '../judging/judging.ts';
import { openJudging } from '../judging/open-judging.ts';
import { ResultsWriter } from '../results/folder.ts';
import type { EvaluationFacts } from '../results/records.ts';
import type { EvalReport } from '../results/report.ts';
import { scoreEvaluation } from '../scoring/score.ts';
import { openTask } from '../tasks/open-task.ts';
import { openTaskSource } from '../tasks/task-source.ts';
import type { OpenedTask } from './asked-samples.ts';
import { generate } from './generate.ts';
import { judgeResponses } from './judge.ts';
import type { StageEnd } from './progress.ts';

/** A row of a task of this fixture. `option` makes it multiple choice among liver, spleen and kidney. */
export type FixtureRow = {
  readonly question: string;
  readonly answer: string;
  readonly patient?: string;
  readonly organ?: string;
};

export type TaskKindOfFixture = 'open' | 'multiple-choice';

type ConfigInput = Partial<z.input<typeof evalConfigSchema>>;

/** What the model says: a text, a text cut off, or a failure. */
type Saying = string | Exclude<AnswerOutcome, { readonly kind: 'answered' }>;
export type Say = (sample: Sample, request: AnswerRequest) => Saying;

const idle: Clock = { now: () => 0, sleep: async () => {} };
const at = Date.UTC(2026, 0, 1);

export class EvaluationFixture {
  readonly folder: string;
  readonly out: string;
  readonly signal = new AbortController();
  readonly #tasks: string[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.out = join(folder, 'results');
  }

  static async create(): Promise<EvaluationFixture> {
    return new EvaluationFixture(await mkdtemp(join(tmpdir(), 'medix-evaluation-')));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }

  /** Writes task file and rows; rows may be anything, to be rejected. */
  async addTask(
    id: string,
    rows: readonly (FixtureRow | object)[],
    kind: TaskKindOfFixture = 'open',
  ): Promise<string> {
    const path = join(this.folder, `${id}.yaml`);
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
    await writeFile(join(this.folder, `${id}.jsonl`), lines.join(''));
    await writeFile(path, taskFile(id, kind));
    if (!this.#tasks.includes(path)) this.#tasks.push(path);
    return path;
  }

  config(change: ConfigInput = {}) {
    const model = { kind: 'file', path: 'none', name: 'scripted' } as const;
    return evalConfigSchema.parse({ out: this.out, model, tasks: this.#tasks, ...change });
  }

  async openTasks(): Promise<OpenedTask[]> {
    const opened = this.#tasks.map(async (path) => {
      const task = await openTask(path);
      return { task, source: await openTaskSource(task, { hub: {}, cache: '' }) };
    });
    return Promise.all(opened);
  }

  async facts(change: ConfigInput = {}): Promise<EvaluationFacts> {
    const tasks = (await this.openTasks()).map(({ task, source }) => {
      const { digest, access } = task;
      const { description, revision } = source;
      return [task.id, { digest, access, source: description, revision }] as const;
    });
    return {
      config: this.config(change),
      model: { id: 'scripted', kind: 'file', digest: 'd' },
      tasks: Object.fromEntries(tasks),
      template: { name: 'question', digest: 'd' },
      versions: {},
    };
  }

  async generate(say: Say, change: ConfigInput = {}): Promise<StageEnd> {
    const config = this.config(change);
    const results = await ResultsWriter.open(this.out, await this.facts(change), () => at);
    try {
      return await generate(
        {
          results,
          tasks: await this.openTasks(),
          answerer: scriptedAnswerer(say),
          variants: config.variants,
          epochs: config.sampling.epochs,
          limit: config.limit,
          seed: config.sampling.seed,
          clock: idle,
          onProgress: () => {},
        },
        this.signal.signal,
      );
    } finally {
      await results.close('finished');
    }
  }

  /** @param wrap changes the judging, which by default is the match with the reference */
  async judge(
    change: ConfigInput = {},
    wrap: (judging: Judging) => Judging = (judging) => judging,
  ): Promise<StageEnd> {
    const config = this.config(change);
    const opening = { apiKeys: [], clock: idle, seed: 1, modelNames: [] };
    const judging = await openJudging(config.judging, opening);
    const tasks = await this.openTasks();
    const results = await ResultsWriter.reopen(this.out, config, () => at);
    try {
      return await judgeResponses(
        {
          results,
          tasks: tasks.map(({ task }) => task.id),
          openTask: async (id) => tasks.find(({ task }) => task.id === id) as OpenedTask,
          name: config.judging.name,
          judging: wrap(judging),
          window: 4,
          clock: idle,
          onProgress: () => {},
        },
        this.signal.signal,
      );
    } finally {
      await results.close('finished');
      await judging.close();
    }
  }

  score(change: ConfigInput = {}): Promise<EvalReport> {
    return scoreEvaluation({ folder: this.out, config: this.config(change), clock: () => at });
  }

  /** Rows of a file of the results folder. */
  async rows(...path: readonly string[]): Promise<Record<string, unknown>[]> {
    const text = await readFile(join(this.out, ...path), 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

function scriptedAnswerer(say: Say): Answerer {
  return {
    describe: { id: 'scripted', kind: 'file', digest: 'd' },
    answer: (requests) =>
      inWindow(requests, 2, async (request) => {
        const said = say(request.sample, request);
        if (typeof said !== 'string') return { request, outcome: said };
        const tokens = { prompt: 10, completion: 2 };
        const outcome = { kind: 'answered', text: said, stopReason: 'stop', latencyMs: 5 } as const;
        return { request, outcome: { ...outcome, tokens } };
      }),
    close: async () => {},
  };
}

export const failure = { kind: 'failed', cause: 'timeout', message: 'no reply' } as const;

function taskFile(id: string, kind: TaskKindOfFixture): string {
  const choices =
    kind === 'multiple-choice' ? '    choices: { fixed: [liver, spleen, kidney] }\n' : '';
  return `id: ${id}
title: ${id}
input: text
kind: ${kind}
source: { path: ${id}.jsonl }
rows: null
licence: null
access: public
rubric: binary
layouts:
  - columns: [question, answer]
    optional: [patient, organ]
    question: "{{ question }}"
${choices}    reference: { text: answer }
    cluster: { column: patient }
    subgroups: { organ: organ }
`;
}
