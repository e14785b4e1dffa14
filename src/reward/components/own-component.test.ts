import { describe, expect, it } from 'vitest';
import { rewardFields } from '../../config/judge-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { defined } from '../../core/errors.ts';
import { explainReward } from '../explain.ts';
import { openReward } from '../open-reward.ts';
import type { RewardComponent } from './own-component.ts';

const never = new AbortController().signal;
const sample = {
  problem: 'Which organ?',
  images: [],
  referenceAnswer: 'liver',
  accepted: [],
  modality: 'CT_SCAN',
} as const;
const right = '<CT_SCAN><thinking>I see.</thinking><answer>liver</answer>';

function open(
  components: Readonly<Record<string, { weight: number; component: RewardComponent }>>,
  profile = 'medix-r1',
) {
  const weights = Object.entries(components).map(([name, { weight }]) => {
    return [name, { module: name, weight }] as const;
  });
  const config = {
    profile,
    judge: rewardFields.judge.parse(undefined),
    embedder: rewardFields.embedder.parse(undefined),
    components: rewardFields.components.parse(Object.fromEntries(weights)),
  };
  const load = async (reference: string) => {
    return { reference, value: components[reference]?.component, digest: `code of ${reference}` };
  };
  return openReward(config, { secrets: {}, seed: 1, clock: systemClock, load });
}

/** Says the same of every item. */
function always(score: unknown): RewardComponent {
  return { score: async (items) => items.map(() => score) as never };
}
const worth = (value: number) => always({ kind: 'scored', value });

async function scoreOne(opened: Awaited<ReturnType<typeof open>>) {
  const item = { sample, response: right };
  const [outcome] = await opened.reward.score([item], never);
  return { item, outcome: defined(outcome, 'outcome') };
}

describe('reward components of the user', () => {
  it('add their weighted scores to what the profile has left', async () => {
    const opened = await open({
      brevity: { weight: 0.1, component: worth(0.5) },
      politeness: { weight: 0.2, component: worth(1) },
    });
    const { outcome } = await scoreOne(opened);
    expect(outcome).toMatchObject({
      kind: 'scored',
      reward: expect.closeTo(0.7 * 1 + 0.1 * 0.5 + 0.2 * 1, 12),
      components: {
        judge: { value: 1 },
        brevity: { kind: 'scored', value: 0.5 },
        politeness: { kind: 'scored', value: 1 },
      },
    });
  });

  it.each([
    ['throws', { score: () => Promise.reject(new Error('no ruler')) }, 'threw: no ruler'],
    ['gives NaN', worth(Number.NaN), "gave { kind: 'scored', value: NaN }"],
    ['leaves [0, 1]', worth(1.5), "expected {kind: 'scored', value: in [0, 1]}"],
    [
      'cannot tell',
      always({ kind: 'unscored', cause: 'timeout', message: 'no ruler in time' }),
      'no ruler in time',
    ],
  ])('leave the response unscored where one %s', async (_, component, message) => {
    for (const profile of ['medix-r1', 'medix-r1-reference']) {
      const opened = await open({ brevity: { weight: 0.1, component } }, profile);
      const { outcome } = await scoreOne(opened);
      expect(outcome).toMatchObject({
        kind: 'unscored',
        message: expect.stringContaining(message),
        components: { judge: { kind: 'scored' }, brevity: { kind: 'unscored' } },
      });
    }
  });

  it('count alone where their weights add up to 1, whatever the judge says', async () => {
    const opened = await open({
      brevity: { weight: 0.7, component: worth(0.5) },
      politeness: { weight: 0.3, component: worth(0) },
    });
    const { item, outcome } = await scoreOne(opened);
    expect(outcome).toMatchObject({ kind: 'scored', reward: 0.35 });
    const lines = explainReward(opened.reward.profile, item, outcome.components);
    expect(lines.at(-1)).toBe('reward: 0.7 × 0.5 (brevity) + 0.3 × 0 (politeness) = 0.35');
  });

  it('are explained with the others', async () => {
    const opened = await open({ brevity: { weight: 0.25, component: worth(0.5) } });
    const { item, outcome } = await scoreOne(opened);
    const lines = explainReward(opened.reward.profile, item, outcome.components);
    expect(lines).toContain('brevity: 0.5');
    expect(lines.at(-1)).toMatch(/^reward: 0\.75 × \[.*\] \+ 0\.25 × 0\.5 \(brevity\) = 0\.875$/);
  });

  it("are told apart by the profile's digest, and are on record with it", async () => {
    const one = await open({ brevity: { weight: 0.1, component: worth(1) } });
    const other = await open({ brevity: { weight: 0.2, component: worth(1) } });
    const none = await open({});
    const digests = [one, other, none].map(({ facts }) => facts.profile.digest);
    expect(new Set(digests).size).toBe(3);
    expect(one.facts.profile.ownComponents).toEqual([
      { name: 'brevity', weight: 0.1, digest: 'code of brevity' },
    ]);
    expect(none.facts.profile).not.toHaveProperty('ownComponents');
  });

  it('are among the parts that a per-component advantage compares', async () => {
    const { aggregate } = await import('../aggregate.ts');
    const { profile } = (await open({ brevity: { weight: 0.1, component: worth(1) } })).reward;
    const score = { kind: 'scored', value: 1 } as const;
    const components = { judge: score, similarity: score, format: score, brevity: score };
    const outcome = aggregate(
      { ...profile, aggregation: 'per-component' },
      { sample, response: right },
      components,
    );
    const parts = outcome.kind === 'scored' ? (outcome.parts ?? []) : [];
    expect(parts.at(-1)).toEqual({ weight: 0.1, value: 1 });
    expect(parts.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
  });
});

describe('the config of own components', () => {
  const parse = (components: object) => rewardFields.components.safeParse(components);
  const brevity = { module: './mine.ts#brevity', weight: 0.6 };

  it('takes weights above 0 that add up to 1 at most', () => {
    expect(parse({ brevity }).success).toBe(true);
    expect(parse({ brevity: { ...brevity, weight: 1 } }).success).toBe(true);
    const tenth = { ...brevity, weight: 0.1 };
    const ten = Object.fromEntries([...'abcdefghij'].map((name) => [name, tenth]));
    expect(parse(ten).success).toBe(true);
    expect(parse({ ...ten, k: tenth }).success).toBe(false);
    expect(parse({ brevity: { ...brevity, weight: 0 } }).success).toBe(false);
    expect(parse({ brevity, politeness: brevity }).success).toBe(false);
  });

  it.each(['judge', 'mean', 'unscored', 'Brevity', 'a/b', ''])('refuses the name "%s"', (name) => {
    expect(parse({ [name]: brevity }).success).toBe(false);
  });
});
