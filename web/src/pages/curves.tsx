/** Every metric of a run over its iterations, by stage, with other runs beside it. */
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import type { MetricMeaning, RunAnswer } from '../../../src/server/view/wire.ts';
import { linkTo, setSettings, useAddress } from '../address.ts';
import { type Curve, LineChart } from '../chart/line-chart.tsx';
import { number, signed, visible } from '../format.ts';
import { Empty, Shown } from '../parts/shown.tsx';
import { ask } from '../source/questions.ts';
import { useAnswer, useAnswers } from '../source/store.ts';

/** What to look at first; the rest stands below by stage. */
const first = [
  'reward/mean',
  'validation/reward/mean',
  'reward/judge/mean',
  'reward/groupStd/zero',
  'rollout/completionTokens',
  'update/entropy',
  'update/kl',
  'reward/unscored',
  'rollout/truncated',
  'sft/loss',
  'validation/loss',
];

type RunCurves = {
  readonly name: string;
  readonly iterations: readonly number[];
  readonly values: Readonly<Record<string, readonly (number | null)[]>>;
};

export function Curves({ answer }: { answer: RunAnswer }) {
  const address = useAddress();
  const others = (address.query.get('with') ?? '').split(',').filter(Boolean);
  const smoothing = Math.min(0.98, Math.max(0, Number(address.query.get('smooth') ?? 0) || 0));
  const sought = (address.query.get('text') ?? '').toLowerCase();
  const ids = [answer.run.id, ...others];
  const answers = useAnswers(ids.map(ask.metrics));
  const [own] = answers;
  const missing = others.filter((_, i) => answers[i + 1]?.kind === 'failed');
  if (own === undefined || own.kind !== 'there') {
    return <Shown answer={own ?? { kind: 'loading' }}>{() => null}</Shown>;
  }
  const runs: readonly RunCurves[] = answers.flatMap((it, i) =>
    it.kind === 'there' ? [{ name: shortName(ids[i] ?? ''), ...it.value }] : [],
  );
  const keys = Object.keys(own.value.values).filter((key) => key.toLowerCase().includes(sought));
  return (
    <>
      <CurveSettings answer={answer} others={others} smoothing={smoothing} />
      {missing.length > 0 && <p className="note">Not found: {missing.map(visible).join(', ')}</p>}
      <BeforeAfter answer={answer} />
      {own.value.iterations.length === 0 ? (
        <Empty title="No iteration is finished yet.">
          Curves appear here as soon as the first one is.
        </Empty>
      ) : (
        <Sections
          keys={keys}
          runs={runs}
          smoothing={smoothing}
          answer={answer}
          isSearch={sought !== ''}
        />
      )}
    </>
  );
}

/** Ids of runs are their folders; the last one is their name. */
function shortName(id: string): string {
  return visible(id.split('~').at(-1) ?? id);
}

function CurveSettings({
  answer,
  others,
  smoothing,
}: {
  answer: RunAnswer;
  others: readonly string[];
  smoothing: number;
}) {
  const address = useAddress();
  const all = useAnswer(ask.runs());
  const candidates =
    all.kind === 'there'
      ? all.value.runs.filter((run) => run.id !== answer.run.id && !others.includes(run.id))
      : [];
  const setOthers = (next: readonly string[]) =>
    setSettings(address, { with: next.join(',') || undefined });
  return (
    <div className="filters">
      <div className="filter-fields filter-fields-open">
        <div className="field">
          <label htmlFor="metric-search">Metric</label>
          <input
            id="metric-search"
            type="search"
            data-search=""
            placeholder="search ( / )"
            value={address.query.get('text') ?? ''}
            onChange={(event) => setSettings(address, { text: event.target.value })}
          />
        </div>
        <div className="field">
          <label htmlFor="smoothing">
            Smoothing <span className="num">{smoothing.toFixed(2)}</span>
          </label>
          <input
            id="smoothing"
            type="range"
            min={0}
            max={0.98}
            step={0.02}
            value={smoothing}
            onChange={(event) =>
              setSettings(address, {
                smooth: event.target.value === '0' ? undefined : event.target.value,
              })
            }
          />
        </div>
        {candidates.length > 0 && (
          <div className="field">
            <label htmlFor="with-run">Beside it</label>
            <select
              id="with-run"
              value=""
              onChange={(event) => setOthers([...others, event.target.value])}
            >
              <option value="">another run …</option>
              {candidates.map((run) => (
                <option key={run.id} value={run.id}>
                  {visible(run.name)}
                </option>
              ))}
            </select>
          </div>
        )}
        {others.map((other) => (
          <span key={other} className="chip">
            {shortName(other)}{' '}
            <a href={linkTo(['runs', answer.run.id, 'config'], { diff: other })}>what differs</a>{' '}
            <button
              type="button"
              aria-label={`Take ${other} away`}
              onClick={() => setOthers(others.filter((it) => it !== other))}
            >
              ×
            </button>
          </span>
        ))}
      </div>
    </div>
  );
}

function Sections({
  keys,
  runs,
  smoothing,
  answer,
  isSearch,
}: {
  keys: readonly string[];
  runs: readonly RunCurves[];
  smoothing: number;
  answer: RunAnswer;
  isSearch: boolean;
}) {
  const meanings = new Map(answer.meanings.map((meaning) => [meaning.key, meaning]));
  const grid = (shown: readonly string[]) => (
    <div className="charts">
      {shown.map((key) => (
        <MetricChart
          key={key}
          name={key}
          runs={runs}
          smoothing={smoothing}
          meaning={meanings.get(key)}
        />
      ))}
    </div>
  );
  if (keys.length === 0) return <Empty title="No metric has such a name." />;
  if (isSearch) return grid(keys);
  const isSilent = (key: string) => runs[0]?.values[key]?.every((value) => !value) ?? true;
  const shownFirst = first.filter((key) => keys.includes(key) && !isSilent(key)).slice(0, 8);
  const stageOf = (key: string) => key.split('/')[0] ?? '';
  const stages = [...new Set(keys.map(stageOf))];
  return (
    <>
      <h2 className="hidden">The main curves</h2>
      {grid(shownFirst)}
      {stages.map((stage) => {
        const inStage = keys.filter((key) => stageOf(key) === stage);
        return (
          <Folded key={stage} title={stage} note={`${inStage.length}`}>
            {grid(inStage)}
          </Folded>
        );
      })}
    </>
  );
}

function Folded({ title, note, children }: { title: string; note: string; children: ReactNode }) {
  const address = useAddress();
  const open = (address.query.get('open') ?? '').split(',').filter(Boolean);
  const isOpen = open.includes(title);
  const next = isOpen ? open.filter((it) => it !== title) : [...open, title];
  return (
    <section>
      <h2 className="folded">
        <button
          type="button"
          aria-expanded={isOpen}
          onClick={() => setSettings(address, { open: next.join(',') || undefined })}
        >
          <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span> {title}{' '}
          <span className="quiet num">{note}</span>
        </button>
      </h2>
      {isOpen && children}
    </section>
  );
}

function MetricChart({
  name,
  runs,
  smoothing,
  meaning,
}: {
  name: string;
  runs: readonly RunCurves[];
  smoothing: number;
  meaning: MetricMeaning | undefined;
}) {
  const curves = useMemo(
    (): readonly Curve[] =>
      runs.flatMap((run) => {
        const values = run.values[name];
        return values ? [{ name: run.name, iterations: run.iterations, values }] : [];
      }),
    [runs, name],
  );
  const [isSeen, place] = useSeen();
  return (
    <figure className="card metric" ref={place}>
      <figcaption>
        <h3>{name}</h3>
        {meaning && <Meaning meaning={meaning} />}
      </figcaption>
      {isSeen && (
        <LineChart
          curves={curves}
          label={name}
          smoothing={smoothing}
          sync="iterations"
          hasLegend={runs.length > 1}
        />
      )}
    </figure>
  );
}

function Meaning({ meaning }: { meaning: MetricMeaning }) {
  return (
    <details className="meaning">
      <summary aria-label={`What ${meaning.key} means`}>i</summary>
      <div className="meaning-text">
        <p>{meaning.meaning}</p>
        {meaning.healthy && (
          <p>
            <strong>Healthy:</strong> {meaning.healthy}
          </p>
        )}
        {meaning.otherwise && (
          <p>
            <strong>Else:</strong> {meaning.otherwise}
          </p>
        )}
      </div>
    </details>
  );
}

/** Drawn when it first comes near the view. */
function useSeen() {
  const place = useRef<HTMLElement>(null);
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    if (!place.current) return;
    const watch = new IntersectionObserver(
      (seen) => {
        if (seen.some((entry) => entry.isIntersecting)) {
          setSeen(true);
          watch.disconnect();
        }
      },
      { rootMargin: '300px' },
    );
    watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  return [isSeen, place] as const;
}

const validationRows = /^validation\/(reward\/.*mean|pass@|maj@|loss|completionTokens|truncated)/;

function BeforeAfter({ answer }: { answer: RunAnswer }) {
  const { before, after } = answer.validation;
  if (!before || !after || before.iteration === after.iteration) return null;
  const keys = Object.keys(after.values).filter((key) => validationRows.test(key));
  if (keys.length === 0) return null;
  return (
    <section className="card before-after" aria-labelledby="before-after">
      <h2 id="before-after">Validation before and after</h2>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">
                <span className="hidden">Metric</span>
              </th>
              <th scope="col" className="end">
                Iteration {before.iteration}
              </th>
              <th scope="col" className="end">
                Iteration {after.iteration}
              </th>
              <th scope="col" className="end">
                Change
              </th>
            </tr>
          </thead>
          <tbody>
            {keys.map((key) => {
              const was = before.values[key] ?? null;
              const is = after.values[key] ?? null;
              const change = was === null || is === null ? null : is - was;
              return (
                <tr key={key}>
                  <th scope="row">{key.replace('validation/', '')}</th>
                  <td className="end num">{number(was)}</td>
                  <td className="end num">{number(is)}</td>
                  <td className="end num">{signed(change, Math.abs(change ?? 0) >= 10 ? 1 : 3)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
