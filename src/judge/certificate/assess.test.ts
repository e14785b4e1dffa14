import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JudgeConfig, judgeSection } from '../../config/judge-config.ts';
import { assessCertificate, vetJudge } from './assess.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { certifyJudge } from './certify.ts';
import { readShippedProbes } from './probes.ts';
import { labelReader, scriptedJudge } from './scripted-judge.fixture.ts';

let folder: string;
let path: string;
let certificate: Certificate;
/** Passes a fifth of the wrong answers. */
let judge: ReturnType<typeof scriptedJudge>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-certificate-'));
  path = join(folder, 'certificate.json');
  const shipped = await readShippedProbes();
  const know = labelReader(shipped.probes);
  let wrong = 0;
  judge = scriptedJudge((item) => know(item) || ++wrong % 5 === 0);
  ({ certificate } = await certifyJudge(async () => judge, {
    shipped,
    repeats: 1,
    medix: '1.2.3',
    clock: () => 0,
    signal: new AbortController().signal,
  }));
  await writeFile(path, JSON.stringify(certificate));
});
afterAll(() => rm(folder, { recursive: true }));

const anything = { minSensitivity: 0, minSpecificity: 0, minKappa: 0 };

describe('a judge', () => {
  it('is fit when its certificate meets the thresholds', () => {
    const thresholds = { minSensitivity: 1, minSpecificity: 0.8, minKappa: 0.7 };
    expect(assessCertificate(certificate, judge.describe, thresholds)).toEqual({ kind: 'fit' });
  });

  it('is unfit without a certificate', () => {
    expect(assessCertificate(undefined, judge.describe, anything)).toEqual({
      kind: 'unfit',
      reasons: ['it has no certificate'],
    });
  });

  it("is unfit with another judge's certificate, however good", () => {
    const other = { ...judge.describe, digest: 'f'.repeat(64) };
    expect(assessCertificate(certificate, other, anything)).toEqual({
      kind: 'unfit',
      reasons: [expect.stringContaining('of another judge (scripted, digest aaaaaaaaaaaa')],
    });
  });

  it('is unfit for every threshold that it misses', () => {
    const thresholds = { minSensitivity: 1, minSpecificity: 0.9, minKappa: 0.9 };
    expect(assessCertificate(certificate, judge.describe, thresholds)).toEqual({
      kind: 'unfit',
      reasons: [
        expect.stringMatching(/^its specificity is 0\.80\d \(0\.7\d+ to 0\.8\d+\), below 0\.9$/),
        expect.stringMatching(/^its kappa is 0\.\d+ \(.*\), below 0\.9$/),
      ],
    });
  });

  it('is unfit where a figure could not be measured', () => {
    const blank = { ...certificate, overall: { ...certificate.overall, kappa: null } };
    expect(assessCertificate(blank, judge.describe, anything)).toEqual({
      kind: 'unfit',
      reasons: ['its kappa could not be measured'],
    });
  });
});

describe('vetting a configured judge', () => {
  const configured = (settings: object): JudgeConfig =>
    judgeSection.parse({
      kind: 'openai',
      url: 'http://127.0.0.1:1/v1',
      model: 'scripted',
      certificate: settings,
    });

  it('warns by default where there is no certificate', async () => {
    const vetted = await vetJudge(configured({}), judge.describe, []);
    expect(vetted.certificate).toBeUndefined();
    expect(vetted.warnings).toEqual([
      expect.stringMatching(/^judge scripted may be unfit: it has no certificate; certify it with/),
    ]);
  });

  it('hands on the certificate of a fit judge', async () => {
    const vetted = await vetJudge(configured({ path, minSpecificity: 0.7 }), judge.describe, [
      'Qwen3-VL',
    ]);
    expect(vetted).toEqual({ certificate, warnings: [] });
  });

  it('refuses an unfit judge with every reason when told to', async () => {
    const settings = { path, minSpecificity: 0.99, minKappa: 0.99, below: 'refuse' };
    const problems = await vetJudge(configured(settings), judge.describe, []).catch(
      (error) => error.problems,
    );
    expect(problems).toEqual([
      expect.objectContaining({ got: expect.stringMatching(/^its specificity is/) }),
      expect.objectContaining({ got: expect.stringMatching(/^its kappa is/) }),
    ]);
  });

  it('warns of a judge that is a relative of the model it judges', async () => {
    const relative = { ...judge.describe, id: 'Qwen/Qwen3-4B' };
    const names = ['runs/mine', 'Qwen3VLForConditionalGeneration'];
    const vetted = await vetJudge(configured({ path }), relative, names);
    expect(vetted.warnings).toEqual([
      expect.stringMatching(/^judge Qwen\/Qwen3-4B and the model .* both of the qwen family/),
    ]);
  });

  it('asks no certificate of a rule', async () => {
    expect(await vetJudge({ kind: 'reference-match' }, judge.describe, [])).toEqual({
      warnings: [],
    });
  });
});

describe('a stored certificate', () => {
  it('reads back as it was written', async () => {
    expect(await readCertificate(path)).toEqual(certificate);
  });

  it('is refused when a figure was changed afterwards', async () => {
    const changed = join(folder, 'changed.json');
    const better = { ...certificate.overall, specificity: certificate.overall.sensitivity };
    await writeFile(changed, JSON.stringify({ ...certificate, overall: better }));
    await expect(readCertificate(changed)).rejects.toThrow(
      'got a certificate that was changed after it was written',
    );
  });

  it('is refused when it is none', async () => {
    const other = join(folder, 'other.json');
    await writeFile(other, '{}');
    await expect(readCertificate(other)).rejects.toThrow(/other\.json: .* got another content/);
    await expect(readCertificate(join(folder, 'none'))).rejects.toThrow('no such file');
  });
});
