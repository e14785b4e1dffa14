import { describe, expect, it } from 'vitest';
import { handler } from './lambda.ts';

const sample = (answer: string, reference: unknown = '<CT_SCAN>liver') => ({
  id: answer,
  messages: [
    { role: 'user', content: [{ text: 'Which organ is shown?' }] },
    {
      role: 'assistant',
      content: `<CT_SCAN><thinking>I see.</thinking><answer>${answer}</answer>`,
    },
  ],
  reference_answer: reference,
});

describe('the grader of Bedrock', () => {
  it('gives each sample its reward and its parts', async () => {
    const [right, accepted, wrong] = await handler([
      sample('liver'),
      sample('hepar', { ground_truth: '<CT_SCAN>liver', accepted: ['hepar'] }),
      sample('spleen'),
    ]);
    expect(right).toMatchObject({ id: 'liver', aggregate_reward_score: 1 });
    expect(right?.metrics_list).toContainEqual({ name: 'judge', value: 1, type: 'Metric' });
    expect(accepted?.aggregate_reward_score).toBeGreaterThan(wrong?.aggregate_reward_score ?? 1);
  });

  it('finds the right answer among the metadata, where Bedrock sends it for models that are not Nova', async () => {
    const { reference_answer, ...rest } = sample('liver');
    const [score] = await handler([{ ...rest, metadata: { reference_answer, my_key: 'a' } }]);
    expect(score).toMatchObject({ id: 'liver', aggregate_reward_score: 1 });
  });

  it('fails as a whole rather than to score what it cannot', async () => {
    await expect(handler([sample('liver'), { id: 'x', messages: [] }])).rejects.toThrow(
      /event: expected/,
    );
    const unanswered = {
      ...sample('liver'),
      messages: [{ role: 'user', content: 'Which organ?' }],
    };
    await expect(handler([unanswered])).rejects.toThrow(/an answer of the assistant/);
  });
});
