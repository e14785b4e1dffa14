/** Judges and encoders on labelled answers, as users try them. */
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCertificate } from '../../src/judge/certificate/certificate.ts';
import { contents, medix, temporaryFolder } from './medix.ts';

const folder = await temporaryFolder();

/** An OpenAI-compatible server whose model says YES to everything. */
let server: Server;
let url: string;
let asked = 0;
beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'GET') {
        response.end(JSON.stringify({ object: 'list', data: [{ id: 'agreeable' }] }));
        return;
      }
      asked++;
      const message = { role: 'assistant', content: 'YES' };
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
