/** What happened to a run, newest first. */
import type { RunAnswer } from '../../../src/server/view/wire.ts';
import { setSettings, useAddress } from '../address.ts';
import { json, moment, visible } from '../format.ts';
import { Empty } from '../parts/shown.tsx';

export function EventsTab({ answer }: { answer: RunAnswer }) {
  const address = useAddress();
  const kind = address.query.get('kind');
  const kinds = [...new Set(answer.events.map((event) => event.kind))].sort();
  const shown = answer.events.filter((event) => !kind || event.kind === kind).toReversed();
  if (answer.events.length === 0) {
    return <Empty title="Nothing out of the ordinary happened." />;
  }
  return (
    <>
      <p>
        <label>
          Kind{' '}
          <select
            value={kind ?? ''}
            onChange={(event) => setSettings(address, { kind: event.target.value })}
          >
            <option value="">all</option>
            {kinds.map((it) => (
              <option key={it}>{it}</option>
            ))}
          </select>
        </label>
      </p>
      <ol className="card plain events">
        {shown.slice(0, 1000).map((event, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: events have no name of their own
          <li key={i}>
            <span className="num quiet">
              {moment(event.at)} · iteration {event.iteration}
            </span>
            <strong>{visible(event.kind)}</strong>
            <span>{visible(event.inWords)}</span>
            <details>
              <summary>facts</summary>
              <code>{visible(json(event.facts))}</code>
            </details>
          </li>
        ))}
      </ol>
      {shown.length > 1000 && (
        <p className="quiet">The newest 1,000 of {shown.length.toLocaleString('en')}.</p>
      )}
    </>
  );
}
