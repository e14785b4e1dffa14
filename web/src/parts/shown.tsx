/** The states of an answer in plain words, and small things that every page has. */
import { type ReactNode, useEffect, useState } from 'react';
import type { IndexProgress, Status } from '../../../src/server/view/wire.ts';
import { count, visible } from '../format.ts';
import { isCopy } from '../source/copy.ts';
import type { Answer } from '../source/store.ts';
import { askAgain, changed } from '../source/store.ts';

export function Shown<T>({
  answer,
  children,
}: {
  answer: Answer<T>;
  children: (value: T) => ReactNode;
}) {
  switch (answer.kind) {
    case 'loading':
      return (
        <p className="state" role="status">
          Reading …
        </p>
      );
    case 'failed':
      return (
        <div className="state" role="alert">
          <p>
            <strong>{visible(answer.failure.error)}</strong>
          </p>
          <p className="quiet">{visible(answer.failure.next)}</p>
          <button type="button" onClick={askAgain}>
            Try again
          </button>
        </div>
      );
    case 'there':
      return children(answer.value);
  }
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <p>
        <strong>{title}</strong>
      </p>
      {children && <div className="quiet">{children}</div>}
    </div>
  );
}

const statusWords: Readonly<Record<Status, string>> = {
  running: 'running',
  finished: 'finished',
  stopped: 'stopped',
  failed: 'failed',
  dead: 'dead',
};
const statusMarks: Readonly<Record<Status, string>> = {
  running: '●',
  finished: '✓',
  stopped: '■',
  failed: '✗',
  dead: '†',
};

export function StatusMark({ status }: { status: Status }) {
  return (
    <span className={`status status-${status}`}>
      <span aria-hidden="true">{statusMarks[status]}</span> {statusWords[status]}
    </span>
  );
}

export function Progress({ value, label }: { value: number | null; label: string }) {
  if (value === null) return null;
  return <progress max={1} value={value} aria-label={label} />;
}

/** Foreign text: shown whole, with what cannot be seen made visible, and set apart from the page's direction. */
export function Foreign({ text, className = '' }: { text: string; className?: string }) {
  return (
    <span className={`foreign ${className}`} dir="auto">
      {visible(text)}
    </span>
  );
}

export function CopyButton({ text }: { text: string }) {
  const [done, setDone] = useState<'copied' | 'select it by hand' | null>(null);
  const copy = () => {
    const clipboard = navigator.clipboard as Clipboard | undefined;
    if (!clipboard) return setDone('select it by hand');
    clipboard.writeText(text).then(
      () => setDone('copied'),
      () => setDone('select it by hand'),
    );
  };
  return (
    <button type="button" className="small" onClick={copy}>
      <span aria-live="polite">{done ?? 'copy'}</span>
    </button>
  );
}

export function Problems({ problems }: { problems: readonly string[] }) {
  if (problems.length === 0) return null;
  return (
    <ul className="problems">
      {problems.map((problem) => (
        <li key={problem}>{visible(problem)}</li>
      ))}
    </ul>
  );
}

export function Indexing({ id, index }: { id: string; index: IndexProgress }) {
  const isRead = index.filesDone >= index.files;
  // Reading is no change on disk, so nobody tells how far it has come.
  useEffect(() => {
    if (isRead || isCopy) return;
    const timer = setInterval(() => changed({ run: id, changed: [] }), 800);
    return () => clearInterval(timer);
  }, [isRead, id]);
  if (isRead) return null;
  return (
    <p className="note" role="status">
      Still reading this run: {index.filesDone.toLocaleString('en')} of {count(index.files, 'file')}
      . What is not read yet is not listed.
    </p>
  );
}

export function Picture({ address, alt }: { address: string | undefined; alt: string }) {
  const [failed, setFailed] = useState(false);
  if (address === undefined || failed) {
    return (
      <span className="no-picture">
        <span>no image</span>
      </span>
    );
  }
  return (
    <img src={address} alt={alt} loading="lazy" decoding="async" onError={() => setFailed(true)} />
  );
}
