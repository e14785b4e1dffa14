import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rewardJudgeSection } from '../../config/judge-config.ts';
import type { Judge, RubricOutcome } from '../judge.ts';
import { createPanelJudge } from '../panel.ts';
import { vetJudge } from './assess.ts';
import type { Certificate } from './certificate.ts';
import { certifyJudge } from './certify.ts';
import { type ProbePack, readShippedProbes } from './probes.ts';
import { rubricJudgeOf } from './rubric-judge.ts';
import { labelReader, scriptedJudge } from './scripted-judge.fixture.ts';

let shipped: ProbePack;
let folder = '';
beforeAll(async () => {
  shipped = await readShippedProbes();
  folder = await mkdtemp(join(tmpdir(), 'medix-panel-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function certify(judge: Judge): Promise<Certificate> {
  const { certificate } = await certifyJudge(async () => judge, {
    shipped,
    repeats: 1,
    medix: '1.2.3',
    clock: () => Date.UTC(2026, 0, 2),
    signal: new AbortController().signal,
  });
  return certificate;
}

/** Marks the one criterion by the labels. */
function marker(): Judge {
  const correct = new Set(
    shipped.probes
      .filter((probe) => probe.correct)
      .map(({ question, reference, answer }) => JSON.stringify([question, reference, answer])),
  );
  const judge = scriptedJudge(labelReader(shipped.probes));
  return {
    ...judge,
    describe: { ...judge.describe, rubricDigest: 'c'.repeat(64) },
    grade: async (questions) =>
      questions.map(({ question, answer, criteria }): RubricOutcome => {
        const [, reference = ''] =
          /^States the same clinical fact as "([^"]*)"/.exec(criteria[0] ?? '') ?? [];
        const met = [correct.has(JSON.stringify([question, reference, answer]))];
        return { kind: 'graded', met, reply: '{}', latencyMs: 10, source: 'model' };
      }),
  };
}

describe('the certificate of a panel', () => {
  it('is that of one judge, better than its worst member', async () => {
    const know = labelReader(shipped.probes);
    const named = (id: string, judge: Judge): Judge => ({
      ...judge,
      describe: { ...judge.describe, id, digest: id.repeat(64) },
    });
    const judges = [
      named('a', scriptedJudge(know)),
      named('b', scriptedJudge(know)),
      named(
        'c',
        scriptedJudge(() => true),
      ),
    ];
    const panel = createPanelJudge({ judges, rule: 'majority' });
    const certificate = await certify(panel);
    expect(certificate.judge).toEqual({
      id: 'panel of a, b, c',
      kind: 'panel',
      digest: panel.describe.digest,
    });
    expect(certificate.overall).toMatchObject({
      sensitivity: { value: 1 },
      specificity: { value: 1 },
    });
    const pair = createPanelJudge({ judges: judges.slice(1), rule: 'majority' });
    const { overall } = await certify(pair);
    expect(overall.unscored).toEqual({
      undecided: shipped.probes.filter(({ correct }) => !correct).length,
    });
  });
});

describe('the certificate of a marker of rubrics', () => {
  it('takes each labelled answer for a rubric of one criterion', async () => {
    const certificate = await certify(rubricJudgeOf(marker()));
    expect(certificate.judge.digest).toBe('c'.repeat(64));
    expect(certificate.overall.accuracy?.value).toBeGreaterThan(0.98);
  });

  it('is no certificate of verdicts, and is wanted beside one where rubrics are marked', async () => {
    const judge = marker();
    const paths = [join(folder, 'verdicts.json'), join(folder, 'rubrics.json')];
    await writeFile(paths[0]!, JSON.stringify(await certify(judge)));
    await writeFile(paths[1]!, JSON.stringify(await certify(rubricJudgeOf(judge))));
    const warningsWith = async (path: string | readonly string[], rubrics: boolean) => {
      const config = rewardJudgeSection.parse({
        kind: 'openai',
        url: 'http://127.0.0.1:1/v1',
        model: 'scripted',
        certificate: { path },
      });
      return (await vetJudge(config, judge.describe, [], { verdicts: true, rubrics })).warnings;
    };
    expect(await warningsWith(paths[0]!, false)).toEqual([]);
    expect(await warningsWith(paths.toReversed(), true)).toEqual([]);
    expect(await warningsWith(paths[0]!, true)).toEqual([
      expect.stringMatching(/as a marker of rubrics its certificate is of another.*rubric=true/),
    ]);
    expect(await warningsWith(paths[1]!, false)).toEqual([
      expect.stringMatching(/its certificate is of another judge/),
    ]);
  });

  it('cannot be had for a rule', () => {
    expect(() => rubricJudgeOf(scriptedJudge(() => true))).toThrow(
      /judge\.kind: expected a language/,
    );
  });
});
