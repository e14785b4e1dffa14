import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Embedder, EmbedOutcome } from '../../embed/embedder.ts';
import type { AnswerCheck } from '../rules/answer-check.ts';
import { contradiction } from './contradiction.ts';
import { findingsOf, scoreByFindings } from './findings.ts';

const never = new AbortController().signal;
const none = () => undefined;

/** A text without a vector cannot be embedded. */
function embedderOf(vectors: Readonly<Record<string, readonly number[]>>) {
  const calls: (readonly string[])[] = [];
  const embed = (text: string): EmbedOutcome => {
    const vector = vectors[text];
    return vector === undefined
      ? { kind: 'unscored', cause: 'timeout', message: `${text}: late` }
      : { kind: 'embedded', vector: Float32Array.from(vector) };
  };
  const embedder: Embedder = {
    describe: { id: 'scripted', kind: 'openai', digest: 'scripted' },
    embed: async (texts) => {
      calls.push(texts);
      return texts.map(embed);
    },
    probe: async () => undefined,
    close: async () => undefined,
  };
  return { embedder, calls };
}

const compare = (answer: string, referenceAnswer: string, ...accepted: string[]): AnswerCheck => ({
  kind: 'compare',
  answer,
  referenceAnswer,
  accepted,
});

const across = {
  'Nodule in the left lung': [1, 0, 0],
  'Pleural effusion': [0, 1, 0],
  'Large heart': [0, 0, 1],
  Cardiomegaly: [0, 0.6, 0.8],
};

describe('the findings of a text', () => {
  it('are its sentences, clauses and items, each once and in the order of their text', () => {
    const text =
      '1. Nodule of 3.5 cm. No effusion;\n- No effusion.\n* the heart is large!\n\n• ...\n2) Nodule of 3.5 cm';
    expect(findingsOf(text)).toEqual(['No effusion', 'Nodule of 3.5 cm', 'the heart is large']);
    expect(findingsOf(' \n...; !')).toEqual([]);
  });
});

describe('the component findings', () => {
  it('is the symmetric best-match mean that torch computes', async () => {
    const { cases } = JSON.parse(readFileSync('test/golden/set-distance.json', 'utf8')) as {
      cases: { said: number[][]; meant: number[][]; score: number }[];
    };
    for (const { said, meant, score } of cases) {
      const named = (set: number[][], name: string) =>
        set.map((vector, i) => [`${name} ${i}`, vector] as const);
      const [a, b] = [named(said, 'said'), named(meant, 'meant')];
      const { embedder } = embedderOf(Object.fromEntries([...a, ...b]));
      const joined = (set: typeof a) => set.map(([name]) => name).join('. ');
      const checks = [compare(joined(a), joined(b))];
      const [outcome] = await scoreByFindings(checks, embedder, { floor: 0 }, none, never);
      expect(outcome).toMatchObject({ kind: 'scored', value: expect.closeTo(score, 7) });
    }
  });

  it('loses by what is left out and by what is added, and not by order or repetition', async () => {
    const { embedder, calls } = embedderOf(across);
    const all = 'Nodule in the left lung. Pleural effusion';
    const answers = [
      'Pleural effusion. Nodule in the left lung',
      'Pleural effusion. Pleural effusion. Nodule in the left lung',
      'Pleural effusion',
      'Pleural effusion. Nodule in the left lung. Large heart',
      'Large heart',
    ];
    const checks = answers.map((answer) => compare(answer, all));
    const scores = await scoreByFindings(checks, embedder, { floor: 0 }, none, never);
    const value = (value: number) => ({ kind: 'scored', value: expect.closeTo(value, 6) });
    expect(scores).toMatchObject([1, 1, 0.75, (2 / 3 + 1) / 2, 0].map(value));
    expect(scores[2]).toMatchObject({ detail: 'precision 1.000 of 1, recall 0.500 of 2' });
    expect(calls).toHaveLength(1);
  });

  it('rises from 0 at the floor', async () => {
    const { embedder } = embedderOf(across);
    const checks = [compare('Cardiomegaly', 'Large heart')];
    const [half] = await scoreByFindings(checks, embedder, { floor: 0.6 }, none, never);
    expect(half).toMatchObject({ value: expect.closeTo(0.5, 6) });
    const [nothing] = await scoreByFindings(checks, embedder, { floor: 0.8001 }, none, never);
    expect(nothing).toMatchObject({ value: 0 });
  });

  it('matches no finding with its opposite, and takes the nearest of the accepted answers', async () => {
    const vectors = { 'Right nodule': [1, 0], 'Left nodule': [1, 0], 'Large heart': [0, 1] };
    const { embedder } = embedderOf(vectors);
    const score = async (...accepted: string[]) =>
      scoreByFindings(
        [compare('Right nodule', 'Left nodule', ...accepted)],
        embedder,
        { floor: 0 },
        contradiction,
        never,
      );
    expect(await score()).toMatchObject([{ value: 0 }]);
    expect(await score('Large heart', 'Right nodule')).toMatchObject([{ value: 1 }]);
  });

  it('asks nothing where a rule decides, and nothing about what is no finding', async () => {
    const { embedder, calls } = embedderOf({});
    const checks: AnswerCheck[] = [
      { kind: 'wrong', reason: 'no single answer' },
      { kind: 'exact', answer: 'gout' },
      compare('...', 'gout'),
      compare(Array.from({ length: 201 }, (_, i) => `finding ${i}`).join('\n'), 'gout'),
      compare('gout', '...'),
    ];
    expect(await scoreByFindings(checks, embedder, { floor: 0 }, none, never)).toMatchObject([
      { value: 0, detail: 'no single answer' },
      { value: 1 },
      { value: 0, detail: 'no finding' },
      { value: 0, detail: 'more than 200 findings' },
      { kind: 'unscored', cause: 'refused' },
    ]);
    expect(calls).toEqual([]);
  });

  it('is unscored where a vector that counts is missing or of another length', async () => {
    const { embedder } = embedderOf({ ...across, gout: [1, 0] });
    const checks = [compare('Large heart. Lost', 'Cardiomegaly'), compare('gout', 'Cardiomegaly')];
    expect(await scoreByFindings(checks, embedder, { floor: 0 }, none, never)).toMatchObject([
      { kind: 'unscored', cause: 'timeout' },
      { kind: 'unscored', cause: 'unparsable' },
    ]);
  });

  it('is the same to the last bit in every order on either side, and lies in [0, 1]', async () => {
    const finding = fc.record({
      name: fc.nat(99),
      angle: fc.double({ min: 0, max: 6, noNaN: true }),
    });
    const set = fc.uniqueArray(finding, {
      minLength: 1,
      maxLength: 6,
      selector: ({ name }) => name,
    });
    await fc.assert(
      fc.asyncProperty(set, set, async (one, other) => {
        const named = (some: typeof one, side: string) =>
          some.map(
            ({ name, angle }) => [`${side} ${name}`, [Math.cos(angle), Math.sin(angle)]] as const,
          );
        const [a, b] = [named(one, 'a'), named(other, 'b')];
        const { embedder } = embedderOf(Object.fromEntries([...a, ...b]));
        const text = (some: typeof a) => some.map(([name]) => name).join('; ');
        const checks = [
          compare(text(a), text(b)),
          compare(text(a.toReversed()), text(b.toReversed())),
        ];
        const [first, second] = await scoreByFindings(checks, embedder, { floor: 0 }, none, never);
        expect(second).toEqual(first);
        const value = first?.kind === 'scored' ? first.value : Number.NaN;
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
      }),
    );
  });
});
