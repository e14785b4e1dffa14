/** Right, wrong, in between or without a verdict: by sign, word and colour. */
import type { ComponentView } from '../../../src/server/view/wire.ts';
import { fixed, visible } from '../format.ts';

export type VerdictKind = 'right' | 'wrong' | 'part' | 'none';

const signs: Readonly<Record<VerdictKind, string>> = {
  right: '✓',
  wrong: '✗',
  part: '~',
  none: '∅',
};

export function verdictOf(component: ComponentView): {
  readonly kind: VerdictKind;
  readonly words: string;
} {
  if (component.kind === 'unscored') return { kind: 'none', words: component.cause };
  if (component.value >= 1) return { kind: 'right', words: '1' };
  if (component.value <= 0) return { kind: 'wrong', words: '0' };
  return { kind: 'part', words: fixed(component.value) };
}

export function Verdict({
  name,
  verdict,
}: {
  name: string;
  verdict: { readonly kind: VerdictKind; readonly words: string };
}) {
  return (
    <span className={`verdict verdict-${verdict.kind}`}>
      <span aria-hidden="true">{signs[verdict.kind]}</span> {visible(name)}{' '}
      <span className="num">{visible(verdict.words)}</span>
    </span>
  );
}
