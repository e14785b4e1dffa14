/** Sentence embeddings for the similarity reward. An embedder knows nothing about thresholds. */
import type { Unscored } from '../core/outcome.ts';

export type EmbedOutcome =
  /** `vector` has unit length, so a dot product is a cosine. Shared with the cache: never write to it. */
  { readonly kind: 'embedded'; readonly vector: Float32Array } | Unscored;

export type EmbedderDescription = {
  readonly id: string;
  readonly kind: 'local' | 'openai' | 'onnx' | 'module';
  /** Absent where only the server knows. */
  readonly dimensions?: number;
  /** Hexadecimal SHA-256 of all that shapes a vector. */
  readonly digest: string;
};

export type Embedder = {
  readonly describe: EmbedderDescription;
  /**
   * One outcome per text, in the order of the texts. A blank text is a text like others: whether it may be
   * compared is for the caller to say. Failures are outcomes; after `signal` aborts, open texts come back
   * `cancelled`.
   */
  embed(texts: readonly string[], signal: AbortSignal): Promise<readonly EmbedOutcome[]>;
  /** Why it cannot be asked at all, found out by one cheap request; undefined when it can. */
  probe(signal: AbortSignal): Promise<Unscored | undefined>;
  close(): Promise<void>;
};

export type Comparison = { readonly kind: 'compared'; readonly cosine: number } | Unscored;

/**
 * The largest cosine of one embedding with others. Vectors of two lengths come from two encoders and have
 * none. The maximum over only some of the others could be too low, so one failure fails it.
 */
export function nearestOf(one: EmbedOutcome, others: readonly EmbedOutcome[]): Comparison {
  if (one.kind === 'unscored') return one;
  let nearest = -1;
  for (const other of others) {
    if (other.kind === 'unscored') return other;
    const [a, b] = [one.vector, other.vector];
    if (a.length !== b.length) {
      return unparsable(`vectors of length ${a.length} and ${b.length} cannot be compared`);
    }
    nearest = Math.max(nearest, cosine(a, b));
  }
  if (Number.isNaN(nearest)) return unparsable('the embedder gave no finite vector');
  return { kind: 'compared', cosine: nearest };
}

function unparsable(message: string): Unscored {
  return { kind: 'unscored', cause: 'unparsable', message };
}

/** Cosine of two unit vectors of one length, in [-1, 1] up to rounding. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** The vector scaled to unit length; undefined when it has no direction. */
export function unitVector(values: ArrayLike<number>): Float32Array | undefined {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] ?? 0) ** 2;
  const norm = Math.sqrt(squares);
  if (!(norm > 0) || !Number.isFinite(norm)) return undefined;
  return Float32Array.from(values, (value) => value / norm);
}
