/** How an answer of an evaluation fared; what failed is neither right nor wrong. */
import type { Outcome } from '../../../src/server/view/wire.ts';
import { visible } from '../format.ts';

const words: Readonly<Record<Outcome, readonly [sign: string, words: string, kind: string]>> = {
  right: ['✓', 'right', 'right'],
  wrong: ['✗', 'wrong', 'wrong'],
  partly: ['~', 'partly right', 'part'],
  failed: ['∅', 'failed', 'none'],
  'not-asked': ['·', 'not asked', 'none'],
};

export function OutcomeMark({ outcome, cause }: { outcome: Outcome; cause?: string | null }) {
  const [sign, word, kind] = words[outcome];
  return (
    <span className={`verdict verdict-${kind}`}>
      <span aria-hidden="true">{sign}</span> {word}
      {cause ? `: ${visible(cause)}` : ''}
    </span>
  );
}
