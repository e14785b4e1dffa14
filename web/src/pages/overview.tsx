/** All runs and evaluations, with how each is doing. */
import type { EvaluationSummary, RunSummary, RunsAnswer } from '../../../src/server/view/wire.ts';
import { linkTo, setSettings, useAddress } from '../address.ts';
import { IntervalBar, Sparkline } from '../chart/small.tsx';
import { count, duration, fixed, moment, number, percent, visible } from '../format.ts';
import { useKeys } from '../keys.ts';
import { Empty, Problems, Progress, Shown, StatusMark } from '../parts/shown.tsx';
import { ask } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';

export function Overview() {
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
  });
  return (
    <>
      <h1 className="hidden">Runs and evaluations</h1>
      <Shown answer={useAnswer(ask.runs())}>{(answer) => <Lists answer={answer} />}</Shown>
    </>
  );
}

function step(by: number): void {
  const links = [...document.querySelectorAll<HTMLElement>('main a.row-link')];
  const at = links.indexOf(document.activeElement as HTMLElement);
  links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
}

function Lists({ answer }: { answer: RunsAnswer }) {
  const { query } = useAddress();
  const sought = (query.get('text') ?? '').toLowerCase();
  const fits = (...texts: readonly (string | null)[]) =>
    sought === '' || texts.some((text) => text?.toLowerCase().includes(sought));
  const runs = answer.runs.filter((run) => fits(run.name, run.id, run.model, run.status));
  const evaluations = answer.evaluations.filter((it) =>
    fits(it.name, it.id, it.model, it.status, ...it.tasks),
  );
  const isEmpty = answer.runs.length + answer.evaluations.length + answer.others.length === 0;
  if (isEmpty) {
    return (
      <Empty title="No run and no evaluation here yet.">
        <p>
          Looked below {answer.folders.map(visible).join(', ') || 'no folder'}. As soon as one is
          started, it appears here by itself. To see one: <code>npx medix quickstart --view</code>
        </p>
        <Problems problems={answer.problems} />
      </Empty>
    );
  }
  return (
    <>
      <Problems problems={answer.problems} />
      {answer.runs.length + answer.evaluations.length > 6 && <Search />}
      {answer.runs.length > 0 && (
        <section aria-labelledby="runs">
          <h2 id="runs">Runs</h2>
          <div className="scroll card">
            <table className="list">
              <thead>
                <tr>
                  <th scope="col">Run</th>
                  <th scope="col">Status</th>
                  <th scope="col">Progress</th>
                  <th scope="col">Course</th>
                  <th scope="col" className="end">
                    Best
                  </th>
                  <th scope="col" className="wide">
                    Started
                  </th>
                </tr>
              </thead>
              <tbody>
                {runs.map((run) => (
                  <RunRow key={run.id} run={run} />
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      {answer.evaluations.length > 0 && (
        <section aria-labelledby="evaluations">
          <h2 id="evaluations">Evaluations</h2>
          <div className="scroll card">
            <table className="list">
              <thead>
                <tr>
                  <th scope="col">Evaluation</th>
                  <th scope="col">Status</th>
                  <th scope="col" className="wide">
                    Tasks
                  </th>
                  <th scope="col" className="end">
                    Score
                  </th>
                  <th scope="col">
                    <span className="hidden">Interval</span>
                  </th>
                  <th scope="col" className="wide">
                    Started
                  </th>
                </tr>
              </thead>
              <tbody>
                {evaluations.map((it) => (
                  <EvaluationRow key={it.id} evaluation={it} />
                ))}
              </tbody>
            </table>
          </div>
          {answer.evaluations.length > 1 && <ComparePicker evaluations={answer.evaluations} />}
        </section>
      )}
      {answer.others.length > 0 && (
        <section aria-labelledby="others">
          <h2 id="others">Certificates and reward scores</h2>
          <ul className="card plain">
            {answer.others.map((other) => (
              <li key={other.id}>
                <a className="row-link" href={linkTo(['others', other.id])}>
                  {visible(other.id)}
                </a>{' '}
                <span className="quiet">{visible(other.summary)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <footer className="quiet">
        {answer.folders.map(visible).join(', ')} · MediX {answer.version}
      </footer>
    </>
  );
}

function Search() {
  const address = useAddress();
  return (
    <label className="search">
      <span className="hidden">Search runs and evaluations</span>
      <input
        type="search"
        data-search=""
        placeholder="Search runs and evaluations ( / )"
        value={address.query.get('text') ?? ''}
        onChange={(event) => setSettings(address, { text: event.target.value })}
      />
    </label>
  );
}

function RunRow({ run }: { run: RunSummary }) {
  const left = run.secondsLeft === null ? '' : `${duration(run.secondsLeft)} left`;
  return (
    <tr>
      <th scope="row">
        <a className="row-link" href={linkTo(['runs', run.id])}>
          {visible(run.name)}
        </a>
        <div className="quiet">
          {run.kind === 'sft' ? 'fine-tuning' : 'training'}
          {run.model ? ` · ${visible(run.model)}` : ''}
        </div>
        <Problems problems={run.problems} />
      </th>
      <td>
        <StatusMark status={run.status} />
        {run.alarms > 0 && (
          <a className="alarm-mark" href={linkTo(['runs', run.id, 'cheating'])}>
            {count(run.alarms, 'alarm')}
          </a>
        )}
      </td>
      <td>
        <Progress value={run.progress} label={`Progress of ${run.name}`} />
        <div className="quiet num">
          {run.iteration.toLocaleString('en')}
          {run.iterations === null ? '' : ` of ${run.iterations.toLocaleString('en')}`}
          {left && ` · ${left}`}
        </div>
      </td>
      <td>
        <Sparkline values={run.sparkline} label={run.shownMetric} />
      </td>
      <td className="end">
        <strong className="num">{number(run.bestReward)}</strong>
        <div className="quiet">{run.shownMetric}</div>
      </td>
      <td className="wide num quiet">{moment(run.createdAt)}</td>
    </tr>
  );
}

function EvaluationRow({ evaluation: it }: { evaluation: EvaluationSummary }) {
  return (
    <tr>
      <th scope="row">
        <a className="row-link" href={linkTo(['evaluations', it.id])}>
          {visible(it.name)}
        </a>
        {it.model && <div className="quiet">{visible(it.model)}</div>}
        <Problems problems={it.problems} />
      </th>
      <td>
        <StatusMark status={it.status} />
      </td>
      <td className="wide quiet">{it.tasks.map(visible).join(', ')}</td>
      <td className="end num">
        <strong>{percent(it.score, 1)}</strong>
        {it.interval && (
          <div className="quiet">
            {fixed(it.interval.low * 100, 1)} to {fixed(it.interval.high * 100, 1)}
          </div>
        )}
      </td>
      <td>
        <IntervalBar score={it.score} interval={it.interval} />
      </td>
      <td className="wide num quiet">{moment(it.createdAt)}</td>
    </tr>
  );
}

export function ComparePicker({
  evaluations,
  first,
}: {
  evaluations: readonly EvaluationSummary[];
  first?: string;
}) {
  const address = useAddress();
  const a = first ?? address.query.get('a') ?? evaluations[0]?.id ?? '';
  const b = address.query.get('b') ?? evaluations.find((it) => it.id !== a)?.id ?? '';
  const choose = (name: 'a' | 'b', label: string, value: string) => (
    <label>
      {label}{' '}
      <select
        value={value}
        onChange={(event) => setSettings(address, { [name]: event.target.value })}
      >
        {evaluations.map((it) => (
          <option key={it.id} value={it.id}>
            {visible(it.name)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <p className="compare-picker">
      {first === undefined && choose('a', 'Compare', a)}{' '}
      {choose('b', first ? 'Compare with' : 'with', b)}{' '}
      <a className="button" href={linkTo(['compare'], { a, b })}>
        Compare
      </a>
    </p>
  );
}
