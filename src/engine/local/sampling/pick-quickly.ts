/**
 * The token that pick-token.ts defines, without an exponential for each token and without sorting all of them:
 * from weights whose error is known. There is an answer only where no such error could change it.
 *
 * `y` is how far a logprob lies below a reference, in steps of which 2048 are 1 at the given temperature. The
 * reference is a step above the largest: step 0 has no weight but NaN, which tells of a logprob above 0.
 */
import type { SampleRequest } from '../../engine.ts';

export type Sampling = Pick<SampleRequest, 'temperature' | 'topP' | 'topK'>;

const stepsPerUnit = 2048;
/** Weights below e^−32 count as none. */
const units = 32;
const limit = units * stepsPerUnit;
const blockSize = 256;
/** A bucket holds the tokens of 2⁴ steps. */
const bucketBits = 4;

/** A weight's largest error, relative: where defined it is rounded to 32 bits, here it lies on a line in its step. */
const tolerance = 2 ** -24 + 2e-8;
/** Logprobs this far apart, in steps, have weights that differ in 32 bits. */
const apart = 2.5e-7 * stepsPerUnit;

/** e^−y in the middle of each step, raised by half of what the line loses at the step's ends. */
let table: Float64Array | undefined;

/** Reused from row to row: sums by blocks of tokens; by bucket, the sum of its weights and how many there are. */
let sums = new Float64Array(0);
const masses = new Float64Array(limit >> bucketBits);
const counts = new Int32Array(limit >> bucketBits);

/** A row of logprobs [V], and where its steps are. */
type Row = {
  readonly logprobs: Float32Array;
  readonly steps: Float64Array;
  readonly reference: number;
  readonly scale: number;
};

/** A token and where it lies. */
type Member = { readonly y: number; readonly token: number };

/**
 * @param logprobs [V]; temperature is above 0
 * @returns undefined where the definition must decide, and where a logprob is not finite
 */
export function pickQuickly(
  logprobs: Float32Array,
  { temperature, topP, topK }: Sampling,
  uniform: number,
): number | undefined {
  const row: Row = {
    logprobs,
    steps: stepWeights(),
    // From temperature 1 on the likeliest token is far above the limit in any case.
    reference: (temperature < 1 ? largest(logprobs) : 0) + (1.01 / stepsPerUnit) * temperature,
    scale: stepsPerUnit / temperature,
  };
  if (topK <= 0 && topP >= 1) return pickOfAll(row, uniform);
  const cut = findCut(row, topP, topK);
  if (cut === undefined) return undefined;
  const search = { first: 0, before: 0, goal: uniform * cut.mass };
  return tokenAt(row, search, cut.last, margin(uniform, cut.mass, row));
}

function stepWeights(): Float64Array {
  table ??= Float64Array.from({ length: limit }, (_, step) => {
    if (step === 0) return Number.NaN;
    return Math.exp(-(step + 0.5) / stepsPerUnit) * (1 + 1 / (4 * stepsPerUnit) ** 2);
  });
  return table;
}

function largest(values: Float32Array): number {
  let top = values[0]!;
  for (let i = 1; i < values.length; i++) if (values[i]! > top) top = values[i]!;
  return top;
}

/** Of a `y` below the limit. */
function weightAt(y: number, steps: Float64Array): number {
  const step = y | 0;
  return steps[step]! * (1 + (step + 0.5 - y) * (1 / stepsPerUnit));
}

/** Of any `y`; NaN where the logprob was not finite. */
function weightOf(y: number, steps: Float64Array): number {
  if (y < limit) return weightAt(y, steps);
  return y < Number.MAX_VALUE ? 0 : Number.NaN;
}

function pickOfAll(row: Row, uniform: number): number | undefined {
  const whole = sumBlocks(row);
  if (!Number.isFinite(whole)) return undefined;
  const goal = uniform * whole;
  let [block, before] = [0, 0];
  while (block < sums.length && before + sums[block]! <= goal) before += sums[block++]!;
  const search = { first: block * blockSize, before, goal };
  return tokenAt(row, search, { y: limit, token: -1 }, margin(uniform, whole, row));
}

/** Fills `sums` and gives their total. Four sums side by side: one alone would wait for itself. */
function sumBlocks({ logprobs, steps, reference, scale }: Row): number {
  const blocks = Math.ceil(logprobs.length / blockSize);
  if (sums.length !== blocks) sums = new Float64Array(blocks);
  let total = 0;
  for (let block = 0, token = 0; block < blocks; block++) {
    const end = Math.min(token + blockSize, logprobs.length);
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (; token < end - 3; token += 4) {
      const y0 = (reference - logprobs[token]!) * scale;
      const y1 = (reference - logprobs[token + 1]!) * scale;
      const y2 = (reference - logprobs[token + 2]!) * scale;
      const y3 = (reference - logprobs[token + 3]!) * scale;
      if (y0 < limit && y1 < limit && y2 < limit && y3 < limit) {
        a += weightAt(y0, steps);
        b += weightAt(y1, steps);
        c += weightAt(y2, steps);
        d += weightAt(y3, steps);
      } else {
        a += weightOf(y0, steps) + weightOf(y1, steps) + weightOf(y2, steps) + weightOf(y3, steps);
      }
    }
    for (; token < end; token++) a += weightOf((reference - logprobs[token]!) * scale, steps);
    sums[block] = a + b + c + d;
    total += sums[block]!;
  }
  return total;
}

/** Up to which token nothing is dropped, and the sum of the weights up to there. */
type Cut = { readonly last: Member; readonly mass: number };

/** Within the `topK` largest and within the nucleus of mass `topP`. */
function findCut(row: Row, topP: number, topK: number): Cut | undefined {
  const mass = fillBuckets(row);
  if (!Number.isFinite(mass)) return undefined;
  const all: Cut = { last: { y: limit, token: -1 }, mass };
  const largest = topK > 0 ? cutByCount(row, topK, all) : all;
  return largest === undefined || topP >= 1 ? largest : cutByMass(row, topP, largest.mass);
}

function cutByCount(row: Row, topK: number, all: Cut): Cut | undefined {
  let bucket = 0;
  let count = 0;
  let before = 0;
  while (bucket < counts.length && count + counts[bucket]! < topK) {
    count += counts[bucket]!;
    before += masses[bucket++]!;
  }
  if (bucket === counts.length) return all;
  const members = membersOf(bucket, row);
  const kept = members.slice(0, topK - count);
  if (!isClear(members, kept.length, bucket)) return undefined;
  const mass = kept.reduce((sum, { y }) => sum + weightAt(y, row.steps), before);
  return { last: kept.at(-1)!, mass };
}

/** @param whole mass of the tokens among which the nucleus is */
function cutByMass(row: Row, topP: number, whole: number): Cut | undefined {
  const goal = topP * whole;
  let bucket = 0;
  let before = 0;
  while (bucket < masses.length && before + masses[bucket]! < goal) before += masses[bucket++]!;
  const members = membersOf(bucket, row);
  for (const [i, last] of members.entries()) {
    const weight = weightAt(last.y, row.steps);
    const mass = before + weight;
    if (mass < goal) {
      before = mass;
      continue;
    }
    // The second term: whichever of two that are as good as equal comes first.
    const bound = margin(topP, whole, row) + (apart / stepsPerUnit) * weight;
    const isSure = before + bound < goal && goal + bound < mass;
    return isSure && isClear(members, i + 1, bucket) ? { last, mass } : undefined;
  }
  return undefined;
}

/** Fills `masses` and `counts` and gives the total mass; NaN where a logprob is not finite. */
function fillBuckets({ logprobs, steps, reference, scale }: Row): number {
  masses.fill(0);
  counts.fill(0);
  let check = 0;
  let token = 0;
  for (; token < logprobs.length - 3; token += 4) {
    const y0 = (reference - logprobs[token]!) * scale;
    const y1 = (reference - logprobs[token + 1]!) * scale;
    const y2 = (reference - logprobs[token + 2]!) * scale;
    const y3 = (reference - logprobs[token + 3]!) * scale;
    if (y0 < limit && y1 < limit && y2 < limit && y3 < limit) {
      putIntoBucket(y0, weightAt(y0, steps));
      putIntoBucket(y1, weightAt(y1, steps));
      putIntoBucket(y2, weightAt(y2, steps));
      putIntoBucket(y3, weightAt(y3, steps));
    } else check += putAny(y0, steps) + putAny(y1, steps) + putAny(y2, steps) + putAny(y3, steps);
  }
  for (; token < logprobs.length; token++) {
    check += putAny((reference - logprobs[token]!) * scale, steps);
  }
  return masses.reduce((sum, mass) => sum + mass, check);
}

/** Of a `y` below the limit; a logprob far above 0 has NaN for a weight, which may go into any bucket. */
function putIntoBucket(y: number, weight: number): void {
  const bucket = (y & (limit - 1)) >> bucketBits;
  masses[bucket] = masses[bucket]! + weight;
  counts[bucket] = counts[bucket]! + 1;
}

/** Gives 0; NaN where the logprob was not finite. */
function putAny(y: number, steps: Float64Array): number {
  if (y < limit) putIntoBucket(y, weightAt(y, steps));
  return y < Number.MAX_VALUE ? 0 : Number.NaN;
}

/** In the order in which truncation keeps them. */
function membersOf(bucket: number, { logprobs, reference, scale }: Row): Member[] {
  const from = bucket << bucketBits;
  const to = from + (1 << bucketBits);
  const middle = reference - (from + to) / 2 / scale;
  const reach = (to - from) / scale;
  const members: Member[] = [];
  for (let token = 0; token < logprobs.length; token++) {
    // One comparison for nearly all of them.
    if (Math.abs(logprobs[token]! - middle) > reach) continue;
    const y = (reference - logprobs[token]!) * scale;
    if (y >= from && y < to) members.push({ y, token });
  }
  return members.sort((a, b) => a.y - b.y || a.token - b.token);
}

/** Whether the first `kept` members come before all others by definition too: those that are as good as equal may not. */
function isClear(members: readonly Member[], kept: number, bucket: number): boolean {
  const { y } = members[kept - 1]!;
  const from = bucket << bucketBits;
  const above = members.findLast((member) => member.y < y)?.y ?? from;
  const below = members.find((member) => member.y > y)?.y ?? from + (1 << bucketBits);
  if (below - y < apart) return false;
  // Equals go by their tokens where there are no others among them.
  return members[kept]?.y !== y || y - above > apart;
}

/** Where the sum of weights, of tokens that are not behind `last`, passes the goal. */
function tokenAt(
  { logprobs, steps, reference, scale }: Row,
  { first, before, goal }: { first: number; before: number; goal: number },
  last: Member,
  bound: number,
): number | undefined {
  const end = last.y;
  const lastToken = last.token;
  let sum = before;
  for (let token = first; token < logprobs.length; token++) {
    const y = (reference - logprobs[token]!) * scale;
    if (y < end || (y === end && token <= lastToken)) {
      const next = sum + weightAt(y, steps);
      if (next > goal) return sum + bound < goal && goal + bound < next ? token : undefined;
      sum = next;
    }
  }
  return undefined;
}

/**
 * How far the sum of the first weights, near `share` of the whole, may be from where it is by definition: at
 * most, they err one way and all others the other way. And by rounding of sums and by weights that count as none.
 */
function margin(share: number, whole: number, { logprobs }: Row): number {
  const ofWeights = 2 * tolerance * share * (1 - share);
  return (ofWeights + 1e-10) * whole + 2 * logprobs.length * Math.exp(-units);
}
