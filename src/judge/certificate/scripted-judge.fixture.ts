/** Judges and embedders that follow a script. */
import type { Unscored } from '../../core/outcome.ts';
import type { Embedder } from '../../embed/embedder.ts';
import type { Judge, JudgeItem } from '../judge.ts';
import type { Probe } from './probes.ts';

/** @param say The verdict, or the failure, of each item as it is asked. */
export function scriptedJudge(say: (item: JudgeItem) => boolean | Unscored): Judge {
  return {
    describe: { id: 'scripted', kind: 'openai', digest: 'a'.repeat(64) },
    judge: async (items) =>
      items.map((item) => {
        const said = say(item);
        if (typeof said !== 'boolean') return said;
        return {
          kind: 'judged',
          correct: said,
          reply: said ? 'YES' : 'NO',
          latencyMs: 10,
          source: 'model',
        };
      }),
    probe: async () => undefined,
    close: async () => {},
  };
}

/** Knows the labels. */
export function labelReader(probes: readonly Probe[]): (item: JudgeItem) => boolean {
  const labels = new Map(
    probes.map(({ question, reference, answer, correct }) => [
      JSON.stringify([question, reference, answer]),
      correct,
    ]),
  );
  return ({ question, referenceAnswer, answer }) =>
    labels.get(JSON.stringify([question, referenceAnswer, answer])) === true;
}

/** Embeds a text as the angle that `angleOf` gives it, in radians. */
export function scriptedEmbedder(angleOf: (text: string) => number | Unscored): Embedder {
  return {
    describe: { id: 'scripted', kind: 'local', digest: 'b'.repeat(64) },
    embed: async (texts) =>
      texts.map((text) => {
        const angle = angleOf(text);
        if (typeof angle !== 'number') return angle;
        return {
          kind: 'embedded',
          vector: Float32Array.of(Math.cos(angle), Math.sin(angle)),
        };
      }),
    probe: async () => undefined,
    close: async () => {},
  };
}
