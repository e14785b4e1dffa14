/** The fuzz corpus of test/parity/reward_rules.py: scores by Python's own text handling, matched to the last bit. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { Embedder } from '../../embed/embedder.ts';
import { createReward } from '../composite.ts';
import { openRewardProfile } from '../profile.ts';
import { readGroundTruth } from '../reward-item.ts';
import { dead, judged, scriptedJudge } from '../scripted.fixture.ts';

const corpus = new URL('../../../test/golden/reward/medix-r1-reference.jsonl', import.meta.url);

const rowSchema = z.strictObject({
  response: z.string(),
  truth: z.string(),
  /** What the judge replied; null when it could not be asked. */
  judge: z.string().nullable(),
  cosine: z.number().nullable(),
  scores: z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()]),
});
type Row = z.output<typeof rowSchema>;

const rows = readFileSync(corpus, 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((line) => rowSchema.parse(JSON.parse(line)));

const profile = await openRewardProfile('medix-r1-reference');

async function score(row: Row): Promise<number[]> {
  const { reply, embedder } = scorersFor(row);
  const read = readGroundTruth(row.truth, profile);
  if (read.kind !== 'read') throw new Error(read.problem);
  const sample = { problem: 'What is seen?', images: [], accepted: [], ...read.truth };
  const reward = createReward({ profile, judge: scriptedJudge(reply).judge, embedder });
  const [outcome] = await reward.score(
    [{ sample, response: row.response }],
    new AbortController().signal,
  );
  if (outcome?.kind !== 'scored') throw new Error('expected a score');
  const { format, judge, similarity, modality } = outcome.components;
  const values = [format, judge, similarity, modality].map((it) =>
    it?.kind === 'scored' ? it.value : Number.NaN,
  );
  return [outcome.reward, ...values];
}

function scorersFor({ judge, cosine }: Row) {
  const reply = judge === null ? dead : judged(parseAnyYes(judge), judge);
  const embedder: Embedder = {
    describe: { id: 'scripted', kind: 'openai', digest: 'scripted' },
    embed: async (texts) =>
      texts.map((_, index) =>
        cosine === null
          ? { kind: 'unscored', cause: 'timeout', message: 'late' }
          : { kind: 'embedded', vector: new Float32Array([index === 0 ? 1 : cosine, 0]) },
      ),
    probe: async () => undefined,
    close: async () => undefined,
  };
  return { reply, embedder };
}

const parseAnyYes = (reply: string) => reply.toUpperCase().includes('YES');

it('scores every row as the rules of the paper do', async () => {
  expect(rows.length).toBeGreaterThanOrEqual(2000);
  const different: unknown[] = [];
  for (const row of rows) {
    const scores = await score(row);
    if (scores.some((value, i) => !Object.is(value, row.scores[i])))
      different.push({ row, scores });
  }
  expect(different).toEqual([]);
});
