/** Labelled answers as an embedder sees them. */
import { defined } from '../../core/errors.ts';
import { type Comparison, type Embedder, nearestOf } from '../../embed/embedder.ts';
import type { Probe } from './probes.ts';

/** Why an answer cannot mean the same as a reference, however near their vectors. */
export type FindConflict = (answer: string, reference: string) => string | undefined;

export type Similarity = Comparison;

/** Cosine of answers that are not compared: no threshold lets them pass. */
const unlike: Similarity = { kind: 'compared', cosine: -1 };

/**
 * One outcome per probe, in order: the largest cosine of its answer with the reference and the accepted
 * answers that it does not conflict with; −1 for blank answers and where all conflict. This is what the
 * similarity reward sees, so that thresholds chosen here hold there.
 */
export async function similaritiesOf(
  probes: readonly Probe[],
  embedder: Embedder,
  findConflict: FindConflict,
  signal: AbortSignal,
): Promise<Similarity[]> {
  const references = probes.map((probe) => comparableReferences(probe, findConflict));
  const compared = probes.flatMap(({ answer }, index) => {
    const against = references[index] ?? [];
    return against.length > 0 ? [answer, ...against] : [];
  });
  const texts = [...new Set(compared)];
  const outcomes = texts.length > 0 ? await embedder.embed(texts, signal) : [];
  const vectors = new Map(texts.map((text, i) => [text, defined(outcomes[i], 'vector')]));
  const vectorOf = (text: string) => defined(vectors.get(text), 'vector');
  return probes.map(({ answer }, index) => {
    const against = references[index] ?? [];
    return against.length > 0 ? nearestOf(vectorOf(answer), against.map(vectorOf)) : unlike;
  });
}

function comparableReferences(
  { answer, reference, accepted = [] }: Probe,
  findConflict: FindConflict,
): string[] {
  if (answer.trim() === '') return [];
  return [reference, ...accepted].filter((text) => findConflict(answer, text) === undefined);
}
