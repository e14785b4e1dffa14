import type { Score } from '../../core/outcome.ts';
import { parseResponse } from '../../data/response.ts';
import { binaryScore } from '../score.ts';

/**
 * 1 when the response is one known modality tag, one thinking block and one answer block, both with
 * content, and nothing else. The paper's code also passes empty and repeated blocks and any text before
 * the first block.
 */
export function scoreFormat(response: string): Score {
  const parsed = parseResponse(response);
  if (parsed.kind === 'malformed') return binaryScore(false, parsed.problem);
  const blockTag = /<\/?(?:thinking|answer)>/;
  const nested = blockTag.test(parsed.thinking) || blockTag.test(parsed.answer);
  return nested ? binaryScore(false, 'a block within a block') : binaryScore(true);
}
