/** Test support: judges and embedders that say what the test wants and remember what they were asked. */
import type { Unscored } from '../core/outcome.ts';
import type { Embedder, EmbedOutcome } from '../embed/embedder.ts';
import type { Judge, JudgeItem, JudgeOutcome } from '../judge/judge.ts';

const idle = { probe: async () => undefined, close: async () => undefined };

export const yes: JudgeOutcome = judged(true, 'YES');
export const no: JudgeOutcome = judged(false, 'NO');
export const dead: Unscored = {
  kind: 'unscored',
  cause: 'transport',
  message: 'connection refused',
};

export function judged(correct: boolean, reply: string): JudgeOutcome {
  return { kind: 'judged', correct, reply, latencyMs: 1, source: 'model' };
}

export function scriptedJudge(outcome: JudgeOutcome | ((item: JudgeItem) => JudgeOutcome)): {
  readonly judge: Judge;
  readonly calls: (readonly JudgeItem[])[];
} {
  const calls: (readonly JudgeItem[])[] = [];
  const judge: Judge = {
    describe: { id: 'scripted-judge', kind: 'openai', digest: 'scripted' },
    judge: async (items) => {
      calls.push(items);
      return items.map((item) => (typeof outcome === 'function' ? outcome(item) : outcome));
    },
    ...idle,
  };
  return { judge, calls };
}

/** Places each text at an angle on the unit circle; a text without one cannot be embedded. */
export function scriptedEmbedder(cosines: Readonly<Record<string, number>>): {
  readonly embedder: Embedder;
  readonly calls: (readonly string[])[];
} {
  const calls: (readonly string[])[] = [];
  const embed = (text: string): EmbedOutcome => {
    const x = cosines[text];
    if (x === undefined) return { kind: 'unscored', cause: 'timeout', message: `${text}: late` };
    return { kind: 'embedded', vector: new Float32Array([x, Math.sqrt(1 - x * x)]) };
  };
  const embedder: Embedder = {
    describe: { id: 'scripted-embedder', kind: 'openai', digest: 'scripted' },
    embed: async (texts) => {
      calls.push(texts);
      return texts.map(embed);
    },
    ...idle,
  };
  return { embedder, calls };
}
