import { modalities } from '../../core/modality.ts';
import type { Score } from '../../core/outcome.ts';
import type { RewardSample } from '../reward-item.ts';
import { binaryScore } from '../score.ts';

const tag = new RegExp(`<(${modalities.join('|')})>`, 'gi');

/**
 * 1 when the response names exactly one modality before its first block and it is the sample's; case
 * does not count. Undefined where the sample has none. The paper's code also gives 0 for any other text
 * around the tag, which here costs the format score alone.
 */
export function scoreModality(
  response: string,
  { modality }: Pick<RewardSample, 'modality'>,
): Score | undefined {
  if (modality === undefined) return undefined;
  const head = response.split(/<thinking>|<answer>/, 1)[0] ?? '';
  const named = [...head.matchAll(tag)].map((match) => match[1]?.toUpperCase());
  if (named.length !== 1) return binaryScore(false, `${named.length} modality tags`);
  return binaryScore(named[0] === modality, `named ${named[0]}`);
}
