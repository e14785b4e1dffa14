/**
 * What a server divides a loss by. The protocol says sums over tokens; servers differ, silently, and a gradient that
 * is meant must be sent multiplied by what it will be divided by. Which one a server has is measured by the doctor.
 */

/** What of a loss a server has when it divides: tokens are those of weight 1. */
export type Share = {
  /** Of the sequence itself. */
  readonly tokens: number;
  /** Of all sequences in the same request. */
  readonly request: { readonly tokens: number; readonly sequences: number };
  /** Of all requests since the last optimizer step. */
  readonly step: { readonly tokens: number; readonly sequences: number };
};

/** What the loss of a sequence is divided by, by name; each is in words what the server computes. */
export const normalisations = {
  'sum over tokens': () => 1,
  'mean over the tokens of a sequence, sum over sequences': ({ tokens }: Share) => tokens,
  'mean over the tokens of a sequence, mean over the sequences of a step': ({
    tokens,
    step,
  }: Share) => tokens * step.sequences,
  'mean over the tokens of a sequence, mean over the sequences of a request': ({
    tokens,
    request,
  }: Share) => tokens * request.sequences,
  'sum over tokens, mean over the sequences of a step': ({ step }: Share) => step.sequences,
  'sum over tokens, mean over the sequences of a request': ({ request }: Share) =>
    request.sequences,
  'mean over the tokens of a step': ({ step }: Share) => step.tokens,
  'mean over the tokens of a request': ({ request }: Share) => request.tokens,
} as const satisfies Readonly<Record<string, (share: Share) => number>>;

export type NormalisationName = keyof typeof normalisations;

/** Whether what a loss is divided by is known only once all requests of a step are. */
export function waitsForStep(name: NormalisationName): boolean {
  const one = { tokens: 1, sequences: 1 };
  const divisor = (sequences: number) =>
    normalisations[name]({ tokens: 1, request: one, step: { tokens: sequences, sequences } });
  return divisor(1) !== divisor(2);
}

export const normalisationNames = Object.keys(normalisations) as NormalisationName[];

/**
 * Gradients of one sequence in five settings, divided by its gradient alone. Every normalisation gives another row of
 * them.
 */
export type Ratios = {
  /** Twice in one request. */
  readonly twice: number;
  /** Twice, in two requests before one step. */
  readonly twoRequests: number;
  /** With as many tokens of advantage 0 in it as {@link probeSizes} say. */
  readonly longer: number;
  /** Beside a sequence whose tokens all have advantage 0. */
  readonly beside: number;
};

/** Tokens of weight 1 in the sequences that ratios are measured with. */
export const probeSizes = { own: 4, added: 8, other: 12 } as const;

/** The ratios that a normalisation gives. */
export function ratiosOf(name: NormalisationName): Ratios {
  const { own, added, other } = probeSizes;
  const divisor = normalisations[name];
  const one = { tokens: own, sequences: 1 };
  const two = { tokens: 2 * own, sequences: 2 };
  const alone = divisor({ tokens: own, request: one, step: one });
  const long = { tokens: own + added, sequences: 1 };
  const both = { tokens: own + other, sequences: 2 };
  return {
    twice: (2 * alone) / divisor({ tokens: own, request: two, step: two }),
    twoRequests: (2 * alone) / divisor({ tokens: own, request: one, step: two }),
    longer: alone / divisor({ tokens: long.tokens, request: long, step: long }),
    beside: alone / divisor({ tokens: own, request: both, step: both }),
  };
}

/** Measured ratios come from float32, of some servers from bfloat16; those of any two normalisations are 20 % apart. */
const tolerance = 0.1;

/** The normalisation that gives these ratios; undefined where none does. */
export function normalisationFrom(measured: Ratios): NormalisationName | undefined {
  return normalisationNames.find((name) => {
    const expected = ratiosOf(name);
    return (Object.keys(expected) as (keyof Ratios)[]).every(
      (key) => Math.abs(measured[key] / expected[key] - 1) < tolerance,
    );
  });
}
