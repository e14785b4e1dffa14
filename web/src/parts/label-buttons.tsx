/** A reader's own verdict on a rollout or a sample, with a note; the one thing that this page writes. */
import { useId, useState } from 'react';
import type { LabelValue, LabelView } from '../../../src/server/view/wire.ts';
import { visible } from '../format.ts';
import { isCopy, sendLabel } from '../source/questions.ts';

const choices: readonly (readonly [LabelValue, string])[] = [
  ['right', 'right'],
  ['wrong', 'wrong'],
  ['judge-wrong', 'judge is wrong'],
];

export function LabelButtons({
  of,
  subject,
  label,
}: {
  of: { readonly run: string } | { readonly evaluation: string };
  subject: string;
  label: LabelView | null;
}) {
  const id = useId();
  const [now, setNow] = useState(label);
  const [told, setTold] = useState(label?.at);
  const [note, setNote] = useState(label?.note ?? '');
  const [problem, setProblem] = useState<string | null>(null);
  // Someone else, or another window, labelled it.
  if (label?.at !== told) {
    setTold(label?.at);
    setNow(label);
    setNote(label?.note ?? '');
  }
  if (isCopy) {
    if (!now?.label) return null;
    return (
      <p className="label-shown">
        marked <strong>{now.label}</strong> {now.note && visible(now.note)}
      </p>
    );
  }
  const send = (value: LabelValue | null) => {
    setProblem(null);
    sendLabel({ ...of, key: subject, label: value, note }).then(setNow, (error: unknown) =>
      setProblem(error instanceof Error ? error.message : 'not stored'),
    );
  };
  return (
    <fieldset className="labels">
      <legend>What do you say?</legend>
      <div className="label-row">
        {choices.map(([value, words]) => (
          <button
            key={value}
            type="button"
            className="small"
            aria-pressed={now?.label === value}
            onClick={() => send(now?.label === value ? null : value)}
          >
            {words}
          </button>
        ))}
      </div>
      <div className="label-row">
        <label htmlFor={id} className="hidden">
          Note
        </label>
        <input
          id={id}
          value={note}
          placeholder="a note"
          maxLength={4000}
          onChange={(event) => setNote(event.target.value)}
        />
        {note !== (now?.note ?? '') && (
          <button type="button" className="small" onClick={() => send(now?.label ?? null)}>
            keep note
          </button>
        )}
      </div>
      {problem && (
        <p className="problem" role="alert">
          Not stored: {problem}
        </p>
      )}
    </fieldset>
  );
}
