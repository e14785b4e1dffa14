/** A judge's certificate or a file of reward scores. */

import { visible } from '../format.ts';
import { CopyButton, Empty, Shown } from '../parts/shown.tsx';
import { ask } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';

export function OtherPage({ id }: { id: string }) {
  return (
    <Shown answer={useAnswer(ask.runs())}>
      {({ others }) => {
        const other = others.find((candidate) => candidate.id === id);
        if (!other) return <Empty title="There is no such file." />;
        const text = JSON.stringify(other.content, null, 2);
        return (
          <>
            <h1>{other.kind === 'certificate' ? 'Certificate of a judge' : 'Reward scores'}</h1>
            <p>{visible(other.summary)}</p>
            <p className="quiet">
              <code>{visible(other.path)}</code> <CopyButton text={text} />
            </p>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
            <pre className="card scroll" tabIndex={0}>
              {visible(text)}
            </pre>
          </>
        );
      }}
    </Shown>
  );
}
