/** What the keys do and how to read the page. */
import { useEffect, useRef } from 'react';

const keys: readonly (readonly [string, string])[] = [
  ['j  k  ↓  ↑', 'next and previous row; in a group the next and previous group'],
  ['Enter', 'open what is chosen'],
  ['Esc', 'leave a field, or go one level up'],
  ['/', 'search'],
  ['←  →', 'on a chart: from iteration to iteration; in a group: its neighbours'],
  ['t', 'in a group: tokens coloured by how sure the policy was'],
  ['?', 'this help'],
];

export function Help({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="help-title">
      <h2 id="help-title">Keys and marks</h2>
      <dl className="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p>
        <span className="verdict verdict-right">✓ right</span>{' '}
        <span className="verdict verdict-wrong">✗ wrong</span>{' '}
        <span className="verdict verdict-none">∅ no verdict</span>
      </p>
      <p>
        What failed has no number: it is set apart and never counted as wrong. Every filter and
        setting stands in the address, so a copied address shows what you see.
      </p>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
