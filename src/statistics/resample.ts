/**
 * Drawing things with replacement when many are alike. Right-or-wrong answers know few kinds of cluster,
 * so that counting how often each kind is drawn takes far fewer steps than drawing every cluster.
 */
import type { Rng } from '../core/rng.ts';
import { drawBinomial } from './random-counts.ts';

/** Things by kind, in the order in which each kind first came. */
export type Kinds<Thing> = {
  /** One of each kind. */
  readonly examples: readonly Thing[];
  /** How many there are of each. */
  readonly counts: Float64Array;
  /** Kind of each thing. */
  readonly kindOf: Int32Array;
};

/** @param key The same for things that are alike. */
export function groupAlike<Thing>(
  things: readonly Thing[],
  key: (thing: Thing) => string,
): Kinds<Thing> {
  const kinds = new Map<string, number>();
  const examples: Thing[] = [];
  const kindOf = Int32Array.from(things, (thing) => {
    const name = key(thing);
    const known = kinds.get(name);
    if (known !== undefined) return known;
    kinds.set(name, examples.length);
    return examples.push(thing) - 1;
  });
  const counts = new Float64Array(examples.length);
  for (const kind of kindOf) counts[kind] = (counts[kind] ?? 0) + 1;
  return { examples, counts, kindOf };
}

/** Steps that one binomial draw is worth. */
const binomialSteps = 200;

/**
 * How often each kind comes up when as many things as there are get drawn with replacement: kind by kind
 * where kinds are few, thing by thing else.
 */
export function resample({ counts, kindOf }: Kinds<unknown>, rng: Rng): Float64Array {
  const drawn = new Float64Array(counts.length);
  if (counts.length * binomialSteps > kindOf.length) {
    for (let draw = 0; draw < kindOf.length; draw++) {
      const kind = kindOf[rng.integer(kindOf.length)] ?? 0;
      drawn[kind] = (drawn[kind] ?? 0) + 1;
    }
    return drawn;
  }
  let [toDraw, others] = [kindOf.length, kindOf.length];
  for (const [kind, count] of counts.entries()) {
    const times = drawBinomial(toDraw, Math.min(1, count / others), rng);
    drawn[kind] = times;
    toDraw -= times;
    others -= count;
  }
  return drawn;
}
