/** The config of a run, how another's differs, and the commands that repeat, resume and evaluate it. */
import type { RunAnswer } from '../../../src/server/view/wire.ts';
import { setSettings, useAddress } from '../address.ts';
import { count, json, moment, visible } from '../format.ts';
import { CopyButton, Empty, Shown } from '../parts/shown.tsx';
import { ask } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';

const purposes = {
  repeat: 'Run it again',
  resume: 'Go on where it stopped',
  evaluate: 'Evaluate its model',
  certify: 'Certify its judge',
  view: 'Look at it',
} as const;

export function ConfigTab({ answer }: { answer: RunAnswer }) {
  const { query } = useAddress();
  const other = query.get('diff');
  return (
    <>
      <section aria-labelledby="commands">
        <h2 id="commands">Commands</h2>
        <Commands commands={answer.commands} />
      </section>
      <section aria-labelledby="differs">
        <h2 id="differs">What another run has otherwise</h2>
        <DiffPicker id={answer.run.id} other={other} />
        {other && <Diff id={answer.run.id} other={other} />}
      </section>
      <div className="columns">
        <section aria-labelledby="config">
          <h2 id="config">Config</h2>
          <Fields value={answer.config} />
        </section>
        <section aria-labelledby="facts">
          <h2 id="facts">What it also depends on</h2>
          <Fields value={answer.facts} />
          <h2>Attempts</h2>
          <ul className="card plain">
            {answer.attempts.map((attempt) => (
              <li key={attempt.attempt}>
                <strong>{attempt.attempt}</strong>, from iteration {attempt.fromIteration}, on{' '}
                {visible(attempt.host)}: {moment(attempt.startedAt)} to{' '}
                {attempt.ended
                  ? `${moment(attempt.ended.at)}, ${attempt.ended.how}`
                  : 'no end on record'}
                {attempt.overrides.length > 0 && (
                  <div>
                    <code>{visible(attempt.overrides.join(' '))}</code>
                  </div>
                )}
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  );
}

export function Commands({ commands }: { commands: RunAnswer['commands'] }) {
  return (
    <dl className="card commands">
      {commands.map((command) => (
        <div key={command.what + command.command}>
          <dt>{purposes[command.what]}</dt>
          <dd>
            <code>{visible(command.command)}</code> <CopyButton text={command.command} />
            {command.note && <div className="quiet">{visible(command.note)}</div>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function DiffPicker({ id, other }: { id: string; other: string | null }) {
  const address = useAddress();
  const all = useAnswer(ask.runs());
  if (all.kind !== 'there') return null;
  const runs = all.value.runs.filter((run) => run.id !== id);
  if (runs.length === 0) return <p className="quiet">There is no other run here.</p>;
  return (
    <p>
      <label>
        Compare with{' '}
        <select
          value={other ?? ''}
          onChange={(event) => setSettings(address, { diff: event.target.value })}
        >
          <option value="">no run</option>
          {runs.map((run) => (
            <option key={run.id} value={run.id}>
              {visible(run.name)}
            </option>
          ))}
        </select>
      </label>
    </p>
  );
}

function Diff({ id, other }: { id: string; other: string }) {
  return (
    <Shown answer={useAnswer(ask.configDiff(id, other))}>
      {({ differences, same }) =>
        differences.length === 0 ? (
          <Empty title={`Nothing: all ${count(same, 'field')} are the same.`} />
        ) : (
          <div className="card scroll">
            <table>
              <thead>
                <tr>
                  <th scope="col">Field</th>
                  <th scope="col">Here</th>
                  <th scope="col">{visible(other)}</th>
                </tr>
              </thead>
              <tbody>
                {differences.map((difference) => (
                  <tr key={difference.field}>
                    <th scope="row">{visible(difference.field)}</th>
                    <td>{difference.here === undefined ? '–' : visible(json(difference.here))}</td>
                    <td>
                      {difference.there === undefined ? '–' : visible(json(difference.there))}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            <p className="quiet">{count(same, 'other field')} the same</p>
          </div>
        )
      }
    </Shown>
  );
}

/** Each value with the path of its field, as a command takes it. */
export function Fields({ value }: { value: Readonly<Record<string, unknown>> }) {
  const fields = flat(value, '');
  if (fields.length === 0) return <p className="quiet">Nothing on record.</p>;
  return (
    <div className="card scroll">
      <table className="field-table">
        <tbody>
          {fields.map(([field, shown]) => (
            <tr key={field}>
              <th scope="row">{visible(field)}</th>
              <td>{visible(shown)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function flat(value: unknown, path: string): readonly (readonly [string, string])[] {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isRecord || Object.keys(value).length === 0) return [[path, json(value)]];
  return Object.entries(value).flatMap(([name, inner]) =>
    flat(inner, path === '' ? name : `${path}.${name}`),
  );
}
