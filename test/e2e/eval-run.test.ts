/** Evaluations as users run them: killed, stopped, continued, with servers that fail and judges that ramble. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Behaviour,
  type MisbehavingServer,
  type ServerCall,
  startMisbehavingServer,
  status,
} from '../../src/http/misbehaving-server.fixture.ts';
import { medix, type Outcome, type Running, startMedix, temporaryFolder } from './medix.ts';

const folder = await temporaryFolder();
const organs = ['liver', 'spleen', 'kidney'];
const size = 24;

let modelServer: MisbehavingServer;
let judgeServer: MisbehavingServer;
/** What happens to a call before it is answered in good health; set by each test. */
let onModel: (call: ServerCall) => Behaviour | undefined;
let onJudge: (call: ServerCall) => Behaviour | undefined;
let judgeReply: (text: string) => string;
/** An evaluation that nothing disturbs, and its report. */
let whole: Outcome;
let wholeBytes: string;

const numberIn = (text: string) => Number(/number (\d+)/.exec(text)?.[1]);
const isAnswer = ({ path }: ServerCall) => path === 'chat/completions';

beforeAll(async () => {
  modelServer = await startMisbehavingServer(
    (call) => (isAnswer(call) ? onModel(call) : undefined),
    {
      models: ['vlm'],
      // Right two times out of three.
      reply: (text) =>
        `<think>Let me see.</think> ${organs[numberIn(text) % 2 === 0 ? numberIn(text) % 3 : 0]}`,
    },
  );
  judgeServer = await startMisbehavingServer(
    (call) => (isAnswer(call) ? onJudge(call) : undefined),
    { models: ['judge'], reply: (text) => judgeReply(text) },
  );
  for (const task of ['first', 'second']) await writeTask(task);
  behaveWell();
  whole = await medix(folder, 'eval', 'run', ...evaluation('whole'));
  wholeBytes = await bytesOf('whole');
});
afterAll(() => {
  modelServer.stop();
  judgeServer.stop();
});
beforeEach(behaveWell);

function behaveWell(): void {
  onModel = () => undefined;
  onJudge = () => undefined;
  judgeReply = (text) => JSON.stringify({ correct: numberIn(text) % 4 !== 1 });
}

async function writeTask(id: string): Promise<void> {
  const rows = Array.from({ length: size }, (_, n) => ({
    question: `Which organ does the ${id} set mean by number ${n}?`,
    answer: organs[n % 3],
    patient: `p${Math.floor(n / 2)}`,
  }));
  await mkdir(join(folder, 'tasks'), { recursive: true });
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  await writeFile(join(folder, 'tasks', `${id}.jsonl`), lines);
  await writeFile(
    join(folder, 'tasks', `${id}.yaml`),
    `id: ${id}
title: ${id}
input: text
kind: open
source: { path: ${id}.jsonl }
rows: ${size}
licence: null
access: public
rubric: binary
layouts:
  - columns: [question, answer, patient]
    question: "{{ question }}"
    reference: { text: answer }
    cluster: { column: patient }
`,
  );
}

const evaluation = (out: string, ...changes: readonly string[]) => [
  `out=${out}`,
  `model={kind: openai, url: "${modelServer.url}", model: vlm, concurrency: 2, attempts: 1}`,
  'tasks=[tasks/first.yaml, tasks/second.yaml]',
  `judging.judges=[{kind: openai, url: "${judgeServer.url}", model: judge, concurrency: 2, attempts: 1, cache: null}]`,
  ...changes,
];

type Report = {
  readonly circumstances: unknown;
  readonly tasks: readonly {
    readonly task: string;
    readonly coverage: Readonly<Record<string, unknown>>;
    readonly failures: unknown;
    readonly result: { readonly kind: string; readonly figure?: { readonly score: number } };
  }[];
};

async function reportOf(out: string): Promise<Report> {
  return JSON.parse(await readFile(join(folder, out, 'report.json'), 'utf8')) as Report;
}

/** Without what may differ between two runs that came to the same answers. */
async function bytesOf(out: string): Promise<string> {
  const { circumstances, ...report } = await reportOf(out);
  return JSON.stringify(report);
}

/** Ends a run with SIGKILL when its n-th call of a server comes, which is never answered. */
function killingAt(count: number, running: () => Running | undefined) {
  let calls = 0;
  return (): Behaviour | undefined => {
    if (++calls < count) return undefined;
    return () => running()?.kill('SIGKILL');
  };
}

describe('medix eval', () => {
  it('killed in every stage and run again gives the report of an undisturbed run, byte for byte', async () => {
    expect(whole).toMatchObject({ code: 0, stderr: '' });
    expect(whole.stdout).toMatch(/^first +24 +100\.0 % +\d+\.\d % \[/m);

    let running: Running | undefined;
    const command = ['eval', 'run', ...evaluation('killed')];
    onModel = killingAt(30, () => running);
    running = startMedix(folder, command);
    expect((await running.outcome).code).toBeNull();

    onModel = () => undefined;
    onJudge = killingAt(35, () => running);
    running = startMedix(folder, command);
    expect((await running.outcome).code).toBeNull();

    onJudge = () => undefined;
    running = startMedix(folder, command, (line) => {
      if (line.startsWith('judge second: 24 of 24')) running?.kill('SIGKILL');
    });
    expect((await running.outcome).code).toBeNull();

    const calls = modelServer.calls.length;
    expect((await medix(folder, 'eval', 'score', '--resume', 'killed')).code).toBe(0);
    expect(await bytesOf('killed')).toBe(wholeBytes);
    expect(modelServer.calls.length).toBe(calls);
  });

  it('stopped by Ctrl-C says how to resume, and resumes', async () => {
    let running: Running | undefined;
    let calls = 0;
    onModel = () => {
      if (++calls === 10) running?.kill('SIGINT');
      return undefined;
    };
    running = startMedix(folder, ['eval', 'generate', ...evaluation('stopped')]);
    const { code, stderr } = await running.outcome;
    expect(code).toBe(130);
    expect(stderr).toContain('medix eval generate --resume stopped');
    expect((await medix(folder, 'eval', 'run', '--resume', 'stopped')).code).toBe(0);
    expect(await bytesOf('stopped')).toBe(wholeBytes);
  });

  it('counts answers that failed, and asks them again with the next run', async () => {
    onModel = ({ body }) =>
      numberIn(JSON.stringify(body)) === 5 ? status(500, 'out of memory') : undefined;
    const first = await medix(folder, 'eval', 'run', ...evaluation('flaky'));
    expect(first.code).toBe(1);
    expect(first.stdout).toMatch(/generate: 2 failed; run the command again/);
    expect(first.stdout).toMatch(
      /^without answer: 2, most often because of\n {2}2 × transport: .*out of memory/m,
    );
    expect(first.stderr).toMatch(
      /^flaky: expected an answer for each of 48 questions, got 2 without; /,
    );
    const { tasks } = await reportOf('flaky');
    expect(tasks[0]).toMatchObject({
      coverage: { expected: 24, answered: 23, scored: 23 },
      failures: { answering: { transport: 1 } },
    });
    onModel = () => undefined;
    const before = modelServer.calls.filter(isAnswer).length;
    expect((await medix(folder, 'eval', 'run', ...evaluation('flaky'))).code).toBe(0);
    expect(modelServer.calls.filter(isAnswer).length).toBe(before + 2);
    expect(await bytesOf('flaky')).toBe(wholeBytes);
  });

  it('counts verdicts that cannot be read, and ends', async () => {
    judgeReply = (text) =>
      numberIn(text) < 12 ? 'It seems right to me.' : JSON.stringify({ correct: true });
    const args = ['eval', 'run', ...evaluation('prose', 'tasks=[tasks/first.yaml]')];
    const { code, stdout, stderr } = await medix(folder, ...args);
    expect(code).toBe(1);
    expect(stdout).toMatch(/judge: 12 failed/);
    expect(stdout).toMatch(
      /^without verdict: 12, most often because of\n {2}12 × unparsable: .*It seems right to me.*\n {2}hint: .*maxTokens/m,
    );
    expect(stderr).toMatch(/^prose: expected a verdict for each of 24 answers, got 12 without; /);
    expect(stdout).toMatch(/^first +24 +50\.0 % +100\.0 % \[.*incomplete/m);
    expect((await reportOf('prose')).tasks[0]).toMatchObject({
      coverage: { answered: 24, scored: 12, isComplete: false },
      failures: { judging: { unparsable: 12 } },
    });
  });

  it('stops at a cap, and resumes once the cap is raised', async () => {
    const capped = (cap: number) => [
      'eval',
      'run',
      ...evaluation('capped', `model.cap.calls=${cap}`),
    ];
    const { code, stdout, stderr } = await medix(folder, ...capped(20));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^task second \(original\): expected a score, got its rows were not read yet; /,
    );
    expect(stdout).toMatch(/generate stopped: the model's cap\.calls of 20 is reached/);
    const { tasks } = await reportOf('capped');
    expect(tasks[1]).toMatchObject({ task: 'second', result: { kind: 'failed' } });
    expect((await medix(folder, ...capped(200))).code).toBe(0);
    expect(await bytesOf('capped')).toBe(wholeBytes);
  });

  it('forecasts from a pilot, from which the run then continues', async () => {
    const prices = 'model.prices={input: 1000000, output: 0}';
    const piloted = evaluation('piloted', prices);
    const before = modelServer.calls.filter(isAnswer).length;
    const { code, stdout } = await medix(folder, 'eval', 'forecast', ...piloted);
    expect(code).toBe(0);
    expect(modelServer.calls.filter(isAnswer).length).toBe(before + 20);
    // 20 answers took 21 requests: one looked whether the model is there.
    expect(stdout).toMatch(
      /^answers: 28 still to do, estimated from a pilot of 20; .*\n {2}29 calls, 2,520 input .* 2520\.00 in money/m,
    );
    expect(stdout).toMatch(
      /^verdicts of judge: 28 still to do, estimated from a pilot of 20; .*\n {2}28 calls/m,
    );
    expect((await medix(folder, 'eval', 'run', ...piloted)).code).toBe(0);
    expect(modelServer.calls.filter(isAnswer).length).toBe(before + 48);
    expect(await bytesOf('piloted')).toBe(wholeBytes);
  });

  it('judges a second time under another name, and compares the two', async () => {
    await medix(folder, 'eval', 'run', ...evaluation('twice'));
    const second = ['judging.name=rule', 'judging.judges=[{kind: reference-match}]'];
    expect((await medix(folder, 'eval', 'judge', '--resume', 'twice', ...second)).code).toBe(0);
    expect((await medix(folder, 'eval', 'score', '--resume', 'twice')).code).toBe(0);
    expect(await reportOf('twice')).toMatchObject({
      judging: { name: 'rule' },
      agreement: [{ scale: 'binary', judgings: ['judge', 'rule'], answers: 48 }],
    });
  });

  it('evaluates answers from a file, by the ids that samples lists', async () => {
    const listed = await medix(folder, 'eval', 'samples', 'tasks/first.yaml');
    const rows = listed.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; question: string });
    expect(rows).toHaveLength(size);
    const answers = rows.map(({ id, question }) => ({
      id,
      response: organs[numberIn(question) % 3],
    }));
    const lines = answers.map((row) => `${JSON.stringify(row)}\n`).join('');
    await writeFile(join(folder, 'answers.jsonl'), lines);
    const args = [
      'out=theirs',
      'model={kind: file, path: answers.jsonl, name: theirs}',
      'tasks=[tasks/first.yaml]',
    ];
    const { code, stdout } = await medix(folder, 'eval', 'run', ...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^first +24 +100\.0 % +100\.0 % \[/m);
  });
});

describe('medix eval refuses', () => {
  it.each([
    [
      'the folder of another model',
      () => ['run', ...evaluation('whole', 'model.model=judge', `model.url=${judgeServer.url}`)],
      /whole: model: expected .*"id":"vlm".* got .*"id":"judge".*; give another folder with out=/,
    ],
    [
      'to score in the name of another model',
      () => ['score', ...evaluation('whole', 'model.model=other')],
      /whole: expected answers of openai other, got those of openai vlm/,
    ],
    [
      'a folder of other sampling',
      () => ['generate', ...evaluation('whole', 'sampling.maxTokens=5')],
      /whole: sampling: expected .*"maxTokens":4096.* got .*"maxTokens":5/,
    ],
    [
      'all that is wrong with a config at once',
      () => [
        'run',
        ...evaluation('new', 'tasks=[medqua, slake_vqa]', 'model.apiKeyEnv=NO_SUCH_KEY'),
      ],
      /^model\.apiKeyEnv: expected .*NO_SUCH_KEY.*\ntask medqua: expected one of /,
    ],
    [
      'a model that is not there',
      () => ['generate', ...evaluation('new', 'model.url=http://127.0.0.1:9/v1')],
      /^model vlm: expected an answer, got transport: /,
    ],
    [
      'a folder without an evaluation',
      () => ['score', '--resume', 'nowhere'],
      /^nowhere\/manifest\.json: expected a record that `medix eval` wrote, got no such file/,
    ],
  ])('%s', async (_, args, message) => {
    const { code, stderr } = await medix(folder, 'eval', ...args());
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
    await expect(readFile(join(folder, 'new', 'manifest.json'))).rejects.toThrow('ENOENT');
  });
});
