import { describe, expect, it } from 'vitest';
import { evalConfigSchema } from '../../config/eval-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import type { Sample } from '../../core/sample.ts';
import type { AnswerRequest } from './answerer.ts';
import { openAnswerer } from './open-answerer.ts';
import type { OwnAnswerer, OwnQuestion } from './own.ts';

const never = new AbortController().signal;

function open(value: unknown, digest = 'd') {
  const { model, sampling } = evalConfigSchema.parse({
    model: { kind: 'module', module: './mine.ts#model' },
    tasks: ['medqa'],
    sampling: { temperature: 0.5, maxTokens: 7 },
  });
  const render = ({ problem }: Sample) => [
    { role: 'user' as const, content: [{ type: 'text' as const, text: problem }] },
  ];
  const load = async (reference: string) => ({ reference, value, digest });
  const context = { render, clock: systemClock, earlierUsage: {}, load };
  return openAnswerer({ model, sampling }, context, never);
}

async function* requests(...ids: readonly string[]): AsyncGenerator<AnswerRequest> {
  for (const sampleId of ids) {
    const sample: Sample = {
      id: sampleId,
      source: 'test',
      images: [],
      problem: `Which organ is ${sampleId}?`,
      modality: 'OTHER',
      referenceAnswer: 'liver',
      accepted: [],
    };
    yield { key: { sampleId, variant: 'original', epoch: 0 }, sample };
  }
}

async function outcomesOf(value: OwnAnswerer, ...ids: readonly string[]) {
  const { answerer } = await open(value);
  const outcomes = [];
  for await (const { request, outcome } of answerer.answer(requests(...ids), never)) {
    outcomes.push([request.key.sampleId, outcome] as const);
  }
  await answerer.close();
  return Object.fromEntries(outcomes);
}

describe('a model of the user', () => {
  it('is asked what the config makes of a question, and never shown the reference', async () => {
    const asked: OwnQuestion[] = [];
    const outcomes = await outcomesOf(
      {
        describe: { id: 'mine' },
        answer: (question) => {
          asked.push(question);
          return { kind: 'answered', text: 'liver' };
        },
      },
      'a',
      'b',
    );
    expect(outcomes['a']).toEqual({
      kind: 'answered',
      text: 'liver',
      stopReason: 'stop',
      latencyMs: expect.any(Number),
    });
    expect(asked[0]).toMatchObject({
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Which organ is a?' }] }],
      maxTokens: 7,
      temperature: 0.5,
      topP: 1,
    });
    expect(JSON.stringify(asked)).not.toContain('liver');
    expect(asked[0]?.seed).not.toBe(asked[1]?.seed);
  });

  it('fails a question alone where it throws or gives no answer', async () => {
    const outcomes = await outcomesOf(
      {
        describe: { id: 'mine' },
        answer: async ({ messages: [message] }) => {
          const said = JSON.stringify(message);
          if (said.includes('is a?')) throw new Error('out of memory');
          if (said.includes('is b?')) return { kind: 'answered', text: 5 } as never;
          return { kind: 'answered', text: 'liver', stopReason: 'length' };
        },
      },
      'a',
      'b',
      'c',
    );
    expect(outcomes['a']).toMatchObject({
      kind: 'failed',
      message: 'model mine threw: out of memory',
    });
    expect(outcomes['b']).toMatchObject({ kind: 'failed', cause: 'unparsable' });
    expect(outcomes['c']).toMatchObject({ kind: 'answered', stopReason: 'length' });
  });

  it('answers as many questions at once as it says', async () => {
    let [now, most] = [0, 0];
    const answer: OwnAnswerer['answer'] = async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      return { kind: 'answered', text: '' };
    };
    await outcomesOf({ describe: { id: 'mine' }, answer }, 'a', 'b', 'c');
    expect(most).toBe(1);
    await outcomesOf({ describe: { id: 'mine' }, concurrency: 2, answer }, 'a', 'b', 'c');
    expect(most).toBe(2);
  });

  it('is another model with other code or another description', async () => {
    const answer = () => ({ kind: 'answered', text: '' });
    const digests = [
      await open({ describe: { id: 'mine' }, answer }),
      await open({ describe: { id: 'mine' }, answer }, 'other code'),
      await open({ describe: { id: 'mine', version: 2 }, answer }),
    ].map(({ answerer }) => answerer.describe.digest);
    expect(new Set(digests).size).toBe(3);
  });

  it('is refused where it cannot answer', async () => {
    await expect(open({ describe: {} })).rejects.toThrow(
      'model.module ./mine.ts#model: expected a model: an object with describe.id and answer(question, signal), got describe id is no text, answer is no function',
    );
  });
});
