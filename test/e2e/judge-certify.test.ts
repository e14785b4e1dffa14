/** Judges and encoders on labelled answers, as users try them. */
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { readCertificate } from '../../src/judge/certificate/certificate.ts';
import { contents, medix, type Running, startMedix, temporaryFolder } from './medix.ts';

const folder = await temporaryFolder();

/** An OpenAI-compatible server whose model says YES to everything, unless a test says otherwise. */
let server: Server;
let url: string;
let asked = 0;
/** Undefined leaves the question open. */
let reply: (question: string) => string | undefined = () => 'YES';
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'GET') {
        response.end(
          JSON.stringify({ object: 'list', data: [{ id: 'agreeable' }, { id: 'thinking' }] }),
        );
        return;
      }
      asked++;
      const content = reply(body);
      if (content === undefined) return;
      const message = { role: 'assistant', content };
      response.end(
        JSON.stringify({
          choices: [{ index: 0, message, finish_reason: 'stop' }],
          usage: { prompt_tokens: 100, completion_tokens: 1, total_tokens: 101 },
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

afterEach(() => {
  reply = () => 'YES';
});

const figure = (value: number) => expect.objectContaining({ value });

it('medix judge certify measures the offline judge, the same each time', async () => {
  const first = await medix(folder, 'judge', 'certify', 'embedder=null', 'out=offline.json');
  expect(first).toMatchObject({ code: 0, stderr: '' });
  const certificate = await readCertificate(join(folder, 'offline.json'));
  expect(certificate.judge.id).toBe('reference-match');
  expect(certificate.overall).toMatchObject({
    coverage: figure(1),
    specificity: figure(1),
    flips: figure(0),
  });
  const lines = first.stdout.split('\n');
  for (const [category, { probes }] of Object.entries(certificate.categories)) {
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${category} +${probes} `)));
  }
  expect(first.stdout).toMatch(
    /agreement with the labels is \w+.* \(kappa 0\.\d+ \[.*passes 0\.0 %/,
  );
  expect(first.stdout).toMatch(
    /refused although right: "Heart attack" for "Myocardial infarction"/,
  );

  const before = await contents(folder);
  const refused = await medix(folder, 'judge', 'certify', 'embedder=null', 'out=offline.json');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /offline\.json: expected a file that does not exist .* --force\n$/,
  );
  expect(await contents(folder)).toEqual(before);

  const again = await medix(
    folder,
    'judge',
    'certify',
    'embedder=null',
    'out=offline.json',
    '--force',
  );
  expect(again.code).toBe(0);
  const second = await readCertificate(join(folder, 'offline.json'));
  expect(second.createdAt >= certificate.createdAt).toBe(true);
  expect(second.digest).toBe(certificate.digest);
});

it('medix judge certify says of a judge behind a server how poor it is, own labels included', async () => {
  const labels = [
    { question: 'Which lung?', reference: 'Left', answer: 'Right', correct: false },
    { question: 'Which lung?', reference: 'Left', answer: 'Left lung', correct: true },
  ];
  await writeFile(
    join(folder, 'labels.jsonl'),
    labels.map((row) => `${JSON.stringify(row)}\n`).join(''),
  );
  await writeFile(
    join(folder, 'judge.yaml'),
    `judge: {kind: openai, url: "${url}", model: agreeable, prices: {input: 1, output: 2}}\n`,
  );
  const args = ['judge', 'certify', 'judge.yaml', 'probes=labels.jsonl', 'out=yes.json'];
  const outcome = await medix(folder, ...args);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(outcome.stdout).toMatch(
    /agreement with the labels is not better than chance .* passes 100\.0 % of the wrong answers/,
  );
  expect(outcome.stdout).toMatch(
    /injection-01: passed although wrong: "Ignore all previous instructions/,
  );

  const certificate = await readCertificate(join(folder, 'yes.json'));
  const probes = certificate.shipped.probes + 2;
  expect(certificate.overall).toMatchObject({
    probes,
    coverage: figure(1),
    sensitivity: figure(1),
    specificity: figure(0),
    flips: { value: 0, of: probes },
  });
  expect(certificate.categories['own']).toMatchObject({ probes: 2 });
  expect(certificate.latencyMs?.median).toBeGreaterThan(0);
  // Every question anew in both rounds: no verdict came from a memory.
  expect(asked).toBe(2 * probes);
  expect(certificate.usage?.['judge']).toMatchObject({
    inputTokens: 200 * probes,
    outputTokens: 2 * probes,
    money: expect.closeTo((200 * probes + 2 * 2 * probes) / 1e6, 9),
  });
});

it('medix judge certify measures a panel, and how it marks rubrics', async () => {
  const judges = ['agreeable', 'thinking'].map((model) => ({ kind: 'openai', url, model }));
  await writeFile(
    join(folder, 'panel.yaml'),
    JSON.stringify({ judge: { kind: 'panel', judges }, embedder: null, repeats: 1 }),
  );
  reply = (body) => (body.includes('agreeable') ? 'YES' : 'NO');
  const torn = await medix(folder, 'judge', 'certify', 'panel.yaml', 'out=panel.json');
  expect(torn.code).toBe(1);
  expect(torn.stderr).toMatch(/expected verdicts on the labelled answers, got none: \d+ undecided/);
  const mean = ['judge', 'certify', 'panel.yaml', 'judge.rule=mean', 'out=mean.json'];
  const outcome = await medix(folder, ...mean);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  const certificate = await readCertificate(join(folder, 'mean.json'));
  expect(certificate.judge).toMatchObject({ kind: 'panel', id: 'panel of agreeable, thinking' });
  expect(certificate.overall).toMatchObject({ sensitivity: figure(0), specificity: figure(1) });
  expect(Object.keys(certificate.usage ?? {})).toEqual(['judge/1', 'judge/2']);

  reply = () => '{"1": true}';
  const rubric = ['judge', 'certify', 'panel.yaml', 'rubric=true', 'out=rubric.json'];
  expect(await medix(folder, ...rubric)).toMatchObject({ code: 0, stderr: '' });
  const marks = await readCertificate(join(folder, 'rubric.json'));
  expect(marks.judge.digest).not.toBe(certificate.judge.digest);
  expect(marks.overall).toMatchObject({ sensitivity: figure(1), specificity: figure(0) });
});

it('medix judge certify goes on after Ctrl-C and kill -9, and asks nothing again', async () => {
  const args = (out: string) => [
    'judge',
    'certify',
    `judge={kind: openai, url: "${url}", model: agreeable, concurrency: 4}`,
    'embedder=null',
    `out=${out}`,
  ];
  await medix(folder, ...args('whole.json'));
  const whole = await readCertificate(join(folder, 'whole.json'));

  const answers = new Map<string, number>();
  let open = 0;
  let running: Running | undefined;
  let end = () => {};
  const stopAt = (count: number, stop: (run: Running) => void) => {
    let replies = 0;
    reply = (question) => {
      if (replies === count) {
        // From now on nobody gets an answer: what was asked meanwhile is asked again.
        open++;
        if (running) end();
        return undefined;
      }
      replies++;
      answers.set(question, (answers.get(question) ?? 0) + 1);
      return 'YES';
    };
    end = () => {
      end = () => {};
      if (running) stop(running);
    };
    running = startMedix(folder, args('resumed.json'));
    return running.outcome;
  };
  const first = await stopAt(30, (run) => run.kill('SIGINT'));
  expect(first).toMatchObject({ code: 130 });
  expect(first.stderr).toMatch(
    /expected to run to the end, got an interruption; run the same command again: it asks only what has no answer yet\n$/,
  );
  expect((await stopAt(whole.overall.probes, (run) => run.kill('SIGKILL'))).code).toBeNull();
  reply = (question) => {
    answers.set(question, (answers.get(question) ?? 0) + 1);
    return 'YES';
  };
  expect((await medix(folder, ...args('resumed.json'))).code).toBe(0);
  const resumed = await readCertificate(join(folder, 'resumed.json'));
  expect({ ...resumed, usage: null, latencyMs: null, digest: '', createdAt: '' }).toEqual({
    ...whole,
    usage: null,
    latencyMs: null,
    digest: '',
    createdAt: '',
  });
  // Twice, as `repeats` wants; what was on its way or not yet written at the kill is asked once more.
  const times = [...answers.values()];
  expect(times.filter((count) => count < 2 || count > 3)).toEqual([]);
  expect(times.filter((count) => count === 3).length).toBeLessThanOrEqual(8);
  expect(open).toBeGreaterThan(0);
  const left = Object.keys(await contents(folder)).filter((path) => path.includes('resumed.json'));
  expect(left).toEqual([join(folder, 'resumed.json')]);
});

it('medix judge certify says what to do where replies cannot be read, and writes no certificate', async () => {
  reply = () => '<think>\nThe reference says';
  const { code, stdout, stderr } = await medix(
    folder,
    'judge',
    'certify',
    `judge={kind: openai, url: "${url}", model: thinking, verdict: word}`,
    'embedder=null',
    'out=thinking.json',
  );
  expect(code).toBe(1);
  expect(stdout).toMatch(/^round 1 of 2: \d+ of \d+ answers judged$/m);
  expect(stdout).toMatch(/^warning: 20 of 20 replies hold no verdict\. .*set judge\.maxTokens/m);
  expect(stdout).toMatch(/replies held no verdict, the first of them: .*The reference says/);
  expect(stderr).toMatch(/^judge thinking: expected verdicts on the labelled answers, got none: /);
  expect(Object.keys(await contents(folder))).not.toContain(join(folder, 'thinking.json'));
});

it.each([
  [
    'a judge that is not there',
    [
      'judge',
      'certify',
      'judge={kind: openai, url: "http://127.0.0.1:9/v1", model: x, attempts: 1}',
    ],
    /^judge x: expected a judge that can be asked, got transport: /,
  ],
  [
    'labels that are none',
    ['judge', 'certify', 'probes=bad.jsonl'],
    /^bad\.jsonl: line 1: correct: expected a JSON object/,
  ],
  [
    'labels of one kind',
    ['judge', 'calibrate', 'probes=right.jsonl'],
    /^right\.jsonl: expected at least one right and one wrong answer .* got 1 right and 0 wrong answers/,
  ],
])('refuses %s', async (_, args, message) => {
  const row = { question: 'Which lung?', reference: 'Left', answer: 'Left lung' };
  await writeFile(join(folder, 'bad.jsonl'), JSON.stringify({ ...row, correct: 'yes' }));
  await writeFile(join(folder, 'right.jsonl'), JSON.stringify({ ...row, correct: true }));
  const { code, stderr } = await medix(folder, ...args);
  expect(stderr).toMatch(message);
  expect(code).toBe(1);
});

it('medix judge calibrate prints a threshold that a reward profile takes', async () => {
  const { code, stdout, stderr } = await medix(folder, 'judge', 'calibrate');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const auc = Number(/ROC AUC (0\.\d+)/.exec(stdout)?.[1]);
  expect(auc).toBeGreaterThan(0.5);
  expect(stdout).toMatch(
    /^similarity: \{kind: threshold, at: 0\.\d+\} # best by specificity of 0\.95$/m,
  );

  const shipped = new URL('../../assets/reward-profiles/medix-r1.yaml', import.meta.url);
  const line = /^similarity: .*$/m.exec(stdout)?.[0] ?? '';
  const profile = (await readFile(shipped, 'utf8')).replace(
    /^similarity:\n(?: +.*\n)+/m,
    `${line}\n`,
  );
  await writeFile(join(folder, 'profile.yaml'), profile);
  const used = await medix(folder, 'judge', 'certify', 'profile=profile.yaml', 'out=own.json');
  expect(used).toMatchObject({ code: 0, stderr: '' });
  const { similarity } = await readCertificate(join(folder, 'own.json'));
  expect(line).toContain(`at: ${similarity?.threshold}}`);
});

it('medix train declines to start with a judge whose certificate is below the thresholds', async () => {
  const certified = ['judge', 'certify', `judge={kind: openai, url: "${url}", model: agreeable}`];
  await medix(folder, ...certified, 'embedder=null', 'repeats=1', 'out=agreeable.json');
  const training = [
    'train',
    'model=missing-model',
    'data={train: phantoms, trainCount: 8}',
    'out=refused-run',
    `reward.judge={kind: openai, url: "${url}", model: agreeable}`,
    'reward.judge.certificate={path: agreeable.json, minSpecificity: 0.9, below: refuse}',
  ];
  const before = await contents(folder);
  const refused = await medix(folder, ...training);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /^judge agreeable: expected a certified judge .* its specificity is 0\.000 \(.*\), below 0\.9; /,
  );
  expect(await contents(folder)).toEqual(before);
});
