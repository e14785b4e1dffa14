/** How undecided a policy is. */
import type { Node } from '../../tensor/node.ts';
import * as ops from '../../tensor/ops.ts';

/** Entropies in nats [M] of the distributions with these logits [M, V]. */
export function entropiesOf(logits: Node): Node {
  const logprobs = ops.logSoftmax(logits);
  const mean = ops.sum(ops.multiply(ops.exp(logprobs), logprobs), [1]);
  return ops.reshape(ops.scale(mean, -1), [logits.shape[0]!]);
}
