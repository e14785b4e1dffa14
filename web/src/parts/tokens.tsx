/** A completion's tokens, coloured by how sure the policy was of each. */

import type { TokenView } from '../../../src/server/view/wire.ts';
import { fixed, percent, visible } from '../format.ts';

const steps = [0.9, 0.5, 0.2, 0.05] as const;
const names = ['over 90 %', '50 to 90 %', '20 to 50 %', '5 to 20 %', 'under 5 %'];

function stepOf(logprob: number): number {
  const probability = Math.exp(logprob);
  const found = steps.findIndex((step) => probability >= step);
  return found < 0 ? steps.length : found;
}

export function TokenStrip({ tokens }: { tokens: readonly TokenView[] }) {
  return (
    <p className="tokens foreign" dir="auto">
      {tokens.map((token, i) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: a token is its place
          key={i}
          className={`token token-${stepOf(token.logprob)}`}
          title={`${percent(Math.exp(token.logprob), 1)} (logprob ${fixed(token.logprob)})`}
        >
          {visible(token.text)}
        </span>
      ))}
    </p>
  );
}

export function TokenLegend() {
  return (
    <ul className="legend" aria-label="How likely the policy held each token">
      {names.map((name, i) => (
        <li key={name}>
          <span className={`token token-${i}`}>token</span> {name}
        </li>
      ))}
    </ul>
  );
}
