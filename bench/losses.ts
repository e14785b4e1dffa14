/** Policy losses and their gradients over a million tokens, between the two passes of an update. */
import { algorithmSection } from '../src/config/algorithm-config.ts';
import { rngFromKey } from '../src/core/rng.ts';
import { resolveAlgorithm } from '../src/train/algorithm.ts';
import { policyLoss } from '../src/update/policy-loss.ts';

const completions = 1000;
const length = 1000;
const runs = 5;
const kinds = ['clip', 'gspo', 'cispo', 'sapo'] as const;

export type LossSeconds = Readonly<Record<(typeof kinds)[number], number>>;

/** Seconds of each kind of loss, by the fastest of several runs. */
export function benchLosses(): LossSeconds {
  const { loss: settings } = resolveAlgorithm(algorithmSection.parse({}), length);
  const rng = rngFromKey('bench losses');
  const rows = Array.from({ length: completions }, (_, i) => {
    const policyLogprobs = Float32Array.from({ length }, () => -2 * rng.next());
    const oldLogprobs = policyLogprobs.map((value) => value + 0.4 * (rng.next() - 0.5));
    return { policyLogprobs, oldLogprobs, advantage: Math.sin(i + 1) };
  });
  const inputs = rows.map(({ policyLogprobs }, index) => ({ index, policyLogprobs }));
  const rollouts = rows.map(({ oldLogprobs, advantage }) => {
    return { tokens: length, oldLogprobs, advantage };
  });
  const secondsOf = (kind: (typeof kinds)[number]) => {
    const loss = policyLoss({ ...settings, kind, lossAverage: 'token' }, rollouts);
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < runs; run++) {
      const start = performance.now();
      const whole = loss(inputs);
      best = Math.min(best, (performance.now() - start) / 1000);
      requireSum(kind, whole, [loss(inputs.slice(0, 10)), loss(inputs.slice(10))]);
    }
    return best;
  };
  const entries = kinds.map((kind) => [kind, secondsOf(kind)] as const);
  return Object.fromEntries(entries) as LossSeconds;
}

/** Parts of a call add up to the whole. */
function requireSum(kind: string, { loss }: { loss: number }, parts: { loss: number }[]): void {
  const sum = parts.reduce((total, part) => total + part.loss, 0);
  if (!(Math.abs(sum - loss) < 1e-9)) throw new Error(`${kind}: ${sum} in parts, ${loss} whole`);
}
