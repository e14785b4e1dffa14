/** Sentence embeddings for the similarity reward. An embedder knows nothing about thresholds. */
import type { Unscored } from '../core/outcome.ts';

export type EmbedOutcome =
  /** `vector` has unit length, so a dot product is a cosine. Shared with the cache: never write to it. */
  { readonly kind: 'embedded'; readonly vector: Float32Array } | Unscored;

export type EmbedderDescription = {
  readonly id: string;
  readonly kind: 'local' | 'openai' | 'onnx';
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

/** Cosine of two unit vectors, in [-1, 1] up to rounding. */
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
