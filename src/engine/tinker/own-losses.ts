/**
 * Losses that a server computes exactly as they are meant here, so that their gradient needs no forward pass before. A
 * gradient that is fixed is sent as `cispo` with both bounds at 1: whatever the ratio, its slope is minus the advantage.
 */
import { defined } from '../../core/errors.ts';
import type { ServerLoss } from '../../tinker/messages.ts';
import type { Loss, LossTerms } from '../engine.ts';

/** Losses of the protocol that the doctor checks, and engines may send. */
export const ownLossNames = ['ppo', 'cispo'] as const;
export type OwnLossName = (typeof ownLossNames)[number];

/** What a loss is called here, by the protocol's name. */
export const lossKinds: Readonly<Record<OwnLossName, string>> = { ppo: 'clip', cispo: 'cispo' };

/** A loss of the server, and what its inputs are for the sequence with an index and so many tokens. */
export type OwnLoss = {
  readonly loss: ServerLoss;
  readonly inputs: (
    index: number,
    tokens: number,
  ) => { readonly advantages: Float32Array; readonly logprobs: Float32Array };
};

/** `cispo` whose clipped ratio is 1 whatever the logprobs. */
const fixedLoss: ServerLoss = {
  name: 'cispo',
  settings: { clip_low_threshold: 1, clip_high_threshold: 1 },
};

/** So low that ratios are above 1, since some servers have no lower bound; e⁵⁰ is far from the end of float32. */
const improbable = -50;

/** @returns how the server is told the loss; undefined where it has none with this gradient */
export function ownLoss(
  { fixedGradient, terms }: Loss,
  losses: readonly OwnLossName[],
): OwnLoss | undefined {
  if (fixedGradient && losses.includes('cispo')) {
    return {
      loss: fixedLoss,
      inputs: (index, tokens) => ({
        advantages: fixedGradient(index, tokens).map((slope) => -slope),
        logprobs: new Float32Array(tokens).fill(improbable),
      }),
    };
  }
  const name = losses.find((it) => lossKinds[it] === terms?.name);
  if (terms === undefined || name === undefined) return undefined;
  const settings = settingsOf(name, terms);
  return settings === undefined
    ? undefined
    : {
        loss: { name, settings },
        inputs: (index, tokens) => {
          const { advantage, tokenWeight, oldLogprobs } = defined(terms.rollouts[index], 'rollout');
          const advantages = new Float32Array(tokens).fill(advantage * tokenWeight);
          return { advantages, logprobs: oldLogprobs };
        },
      };
}

/** Ratios are held below this here: e²⁰. */
const mostRatio = Math.exp(20);

/** The protocol's bounds are those of the ratio itself, and it knows no bound for negative advantages alone. */
function settingsOf(name: OwnLossName, { settings }: LossTerms): ServerLoss['settings'] {
  const { clipLow, clipHigh, clipDual } = settings;
  if (name === 'ppo' && !(Number(clipDual) >= mostRatio)) return undefined;
  return { clip_low_threshold: 1 - Number(clipLow), clip_high_threshold: 1 + Number(clipHigh) };
}
