import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rewardFields, rewardSchema } from '../config/judge-config.ts';
import { systemClock } from '../core/async/clock.ts';
import type { Unscored } from '../core/outcome.ts';
import { createReward } from './composite.ts';
import { openReward, requireReachable } from './open-reward.ts';
import { openRewardProfile } from './profile.ts';
import { scriptedEmbedder, scriptedJudge, yes } from './scripted.fixture.ts';

const never = new AbortController().signal;
const context = { secrets: {}, seed: 1, clock: systemClock };
const shipped = await openRewardProfile('medix-r1');

/** Parts of which none answers. */
function silentParts(weights: typeof shipped.weights) {
  const probed: string[] = [];
  const silent = (name: string) => async (): Promise<Unscored> => {
    probed.push(name);
    return { kind: 'unscored', cause: 'transport', message: 'nobody listens' };
  };
  const judge = { ...scriptedJudge(yes).judge, probe: silent('judge') };
  const embedder = { ...scriptedEmbedder({}).embedder, probe: silent('embedder') };
  const profile = { ...shipped, weights };
  return { parts: { reward: createReward({ profile, judge, embedder }), judge, embedder }, probed };
}

describe('an opened reward', () => {
  it('scores by what its config names, and says who that is', async () => {
    const opened = await openReward(
      {
        profile: 'medix-r1-reference',
        judge: rewardFields.judge.parse(undefined),
        embedder: rewardFields.embedder.parse(undefined),
        components: {},
      },
      context,
    );
    expect(opened.facts).toMatchObject({
      profile: { name: 'medix-r1-reference' },
      judge: { kind: 'reference-match' },
      embedder: { kind: 'local' },
    });
    expect(opened.seesImages).toBe(false);
    await requireReachable(opened, never);
    const sample = { problem: '', images: [], referenceAnswer: 'gout', accepted: [] };
    const item = { sample: { ...sample, groundTruth: '<CT_SCAN>gout' }, response: 'gout' };
    const [outcome] = await opened.reward.score([item], never);
    expect(outcome).toMatchObject({ kind: 'scored', reward: expect.closeTo(0.855, 12) });
    await opened.close();
  });

  it("asks the judge in the words of the profile's paper, unless the config names others", async () => {
    const digestOf = async (profile: string, prompt: string | null) => {
      const server = { kind: 'openai', url: 'http://127.0.0.1:1/v1', model: 'm', cache: null };
      const opened = await openReward(
        {
          profile,
          judge: rewardFields.judge.parse({ ...server, prompt }),
          embedder: rewardFields.embedder.parse(undefined),
          components: {},
        },
        context,
      );
      await opened.close();
      return opened.facts.judge.digest;
    };
    const repaired = await digestOf('medix-r1', null);
    const paper = await digestOf('medix-r1-reference', null);
    expect(paper).not.toBe(repaired);
    expect(await digestOf('medix-r1', 'medix-r1-reference')).toBe(paper);
    expect(await digestOf('medix-r1-reference', 'medix-r1')).toBe(repaired);
  });

  it('refuses a judge that cannot mark the rubrics of its profile', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'medix-reward-'));
    const path = join(folder, 'rubric.yaml');
    const { name: _, digest: __, ...fields } = shipped;
    const weights = { judge: 0, similarity: 0, modality: 0, format: 0.1, rubric: 0.9 };
    await writeFile(path, JSON.stringify({ ...fields, weights, textOnly: ['rubric', 'format'] }));
    const config = rewardSchema.parse({ profile: path });
    await expect(openReward(config, context)).rejects.toThrow(
      /reward\.judge\.kind: expected a language model \(openai or gguf\) or a panel.*got reference-match/,
    );
    const judge = { kind: 'openai', url: 'http://127.0.0.1:1/v1', model: 'm', cache: null };
    const opened = await openReward(rewardSchema.parse({ profile: path, judge }), context);
    expect(opened.judge.grade).toBeDefined();
    await opened.close();
    await rm(folder, { recursive: true });
  });

  it('names every part that does not answer before work begins', async () => {
    const { parts } = silentParts(shipped.weights);
    await expect(requireReachable(parts, never)).rejects.toThrow(
      /judge scripted-judge: .*transport: nobody listens.*\nembedder scripted-embedder: .*nobody/,
    );
  });

  it('asks no part that its profile gives no weight', async () => {
    const { parts, probed } = silentParts({ judge: 0, similarity: 0, modality: 0.5, format: 0.5 });
    await requireReachable(parts, never);
    expect(probed).toEqual([]);
  });
});
