/** Is the run learning or cheating? The verdict in words, and one click to what it rests on. */
import { useMemo } from 'react';
import type { Alarm, CheatingAnswer, Series } from '../../../src/server/view/wire.ts';
import { linkTo } from '../address.ts';
import { type Curve, LineChart } from '../chart/line-chart.tsx';
import { fixed, number, percent, visible } from '../format.ts';
import { Empty, Indexing, Shown } from '../parts/shown.tsx';
import { ask } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';

const levels = {
  healthy: ['✓', 'It looks like learning'],
  watch: ['!', 'Worth a look'],
  alarm: ['✗', 'It looks like cheating'],
  'too-little': ['…', 'Too little to say'],
} as const;

export function Cheating({ id }: { id: string }) {
  return (
    <Shown answer={useAnswer(ask.cheating(id))}>
      {(answer) => <Panel id={id} answer={answer} />}
    </Shown>
  );
}

function evidenceLink(id: string, list: 'rollouts' | 'groups', query: string): string {
  return linkTo(['runs', id, list], Object.fromEntries(new URLSearchParams(query)));
}

function Panel({ id, answer }: { id: string; answer: CheatingAnswer }) {
  const [sign, title] = levels[answer.level];
  const features = [
    ['length', 'Length', 'Does a part of the reward grow with the length of the answer?'],
    ['hedges', 'Hedging', 'Does it grow with words like “possibly” or “cannot be excluded”?'],
    ['copying', 'Copying', 'Does it grow with words that stand in the question already?'],
  ] as const;
  return (
    <>
      <section className={`verdict-banner level-${answer.level}`} aria-labelledby="verdict">
        <span className="level-sign" aria-hidden="true">
          {sign}
        </span>
        <div>
          <h2 id="verdict">{title}</h2>
          <p>{visible(answer.verdict)}</p>
        </div>
      </section>
      <Indexing id={id} index={answer.index} />
      {answer.alarms.length > 0 && (
        <section aria-labelledby="alarms">
          <h2 id="alarms">Why</h2>
          <ul className="plain alarms">
            {answer.alarms.map((alarm) => (
              <AlarmCard key={alarm.kind + alarm.iterations.first} id={id} alarm={alarm} />
            ))}
          </ul>
        </section>
      )}
      <div className="charts charts-wide">
        <SeriesChart
          title="What carries the advantage"
          note="Share of each part of the reward. Judge and similarity should carry most of it; a part for form that does has become the aim."
          series={answer.advantageShare}
          isStacked={true}
          range={[0, 1]}
        />
        <SeriesChart
          title="Groups that teach nothing"
          note="Share of groups whose rewards are all equal, by cause."
          series={answer.zeroVariance}
          isStacked={true}
          range={[0, 1]}
        />
        <SeriesChart
          title="Answers that repeat"
          note="Share of answers that another question’s answers repeat, word for word or nearly."
          series={answer.repeated}
          range={[0, 1]}
        />
        {features.map(([feature, words, note]) => (
          <SeriesChart
            key={feature}
            title={`${words} and reward`}
            note={`${note} Rank correlation among answers to the same question.`}
            series={only(answer.correlations, feature)}
            range={[-1, 1]}
          />
        ))}
      </div>
      <div className="columns">
        <Agreements id={id} table={answer.table} />
        <Phrases id={id} phrases={answer.phrases} />
      </div>
    </>
  );
}

function AlarmCard({ id, alarm }: { id: string; alarm: Alarm }) {
  const { first, last } = alarm.iterations;
  return (
    <li className={`card alarm alarm-${alarm.severity}`}>
      <div>
        <strong>
          {alarm.severity === 'alarm' ? 'Alarm' : 'Watch'}: {visible(alarm.title)}
        </strong>{' '}
        <span className="quiet num">
          {first === last ? `iteration ${first}` : `iterations ${first} to ${last}`} ·{' '}
          {number(alarm.value)} (limit {number(alarm.limit)})
        </span>
        <p>{visible(alarm.inWords)}</p>
      </div>
      <a className="button" href={evidenceLink(id, alarm.evidence.list, alarm.evidence.query)}>
        See the {alarm.evidence.list}
      </a>
    </li>
  );
}

function only(series: Series, feature: string): Series {
  const kept = Object.entries(series.values).filter(([key]) => key.endsWith(`/${feature}`));
  return {
    iterations: series.iterations,
    values: Object.fromEntries(
      kept.map(([key, values]) => [key.slice(0, -feature.length - 1), values]),
    ),
  };
}

function SeriesChart({
  title,
  note,
  series,
  isStacked = false,
  range,
}: {
  title: string;
  note: string;
  series: Series;
  isStacked?: boolean;
  range: readonly [number, number];
}) {
  const curves = useMemo(
    (): readonly Curve[] =>
      Object.entries(series.values).flatMap(([name, values]) =>
        values.some((value) => value !== null)
          ? [{ name, iterations: series.iterations, values }]
          : [],
      ),
    [series],
  );
  return (
    <figure className="card metric">
      <figcaption>
        <h3>{title}</h3>
      </figcaption>
      <p className="quiet chart-note">{note}</p>
      {curves.length === 0 ? (
        <Empty title="Nothing to draw: it was not measured." />
      ) : (
        <LineChart
          curves={curves}
          label={title}
          isStacked={isStacked}
          range={range}
          sync="cheating"
          height={170}
          hasLegend={true}
        />
      )}
    </figure>
  );
}

const agreementWords = { right: '✓ right', wrong: '✗ wrong', none: '∅ none' } as const;
const kinds = ['right', 'wrong', 'none'] as const;

function Agreements({ id, table }: { id: string; table: CheatingAnswer['table'] }) {
  const total = table.reduce((sum, cell) => sum + cell.count, 0);
  const rules = kinds.filter((rule) => table.some((cell) => cell.rule === rule && cell.count > 0));
  const similarities = kinds.filter((it) =>
    table.some((cell) => cell.similarity === it && cell.count > 0),
  );
  const judges = kinds.filter((it) => table.some((cell) => cell.judge === it && cell.count > 0));
  const find = (judge: string, similarity: string, rule: string) =>
    table.find(
      (cell) => cell.judge === judge && cell.similarity === similarity && cell.rule === rule,
    );
  return (
    <section aria-labelledby="agreement">
      <h2 id="agreement">Judge, similarity and rule</h2>
      <p className="quiet">
        How often they say the same of one answer. Marked cells: the judge says right and both
        others do not, or the other way round. Each number opens its rollouts.
      </p>
      {total === 0 ? (
        <Empty title="Nothing is scored yet." />
      ) : (
        <div className="card scroll">
          <table className="agreement">
            <thead>
              <tr>
                <th scope="col">Judge</th>
                <th scope="col">Similarity</th>
                {rules.map((rule) => (
                  <th key={rule} scope="col" className="end">
                    rule {agreementWords[rule]}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {judges.flatMap((judge) =>
                similarities.map((similarity) => (
                  <tr key={judge + similarity}>
                    <th scope="row">{agreementWords[judge]}</th>
                    <th scope="row">{agreementWords[similarity]}</th>
                    {rules.map((rule) => {
                      const cell = find(judge, similarity, rule);
                      return (
                        <AgreementCell
                          key={rule}
                          link={cell && evidenceLink(id, 'rollouts', cell.query)}
                          count={cell?.count ?? 0}
                          total={total}
                          isOdd={isOdd(judge, similarity, rule)}
                        />
                      );
                    })}
                  </tr>
                )),
              )}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function isOdd(judge: string, similarity: string, rule: string): boolean {
  const others = [similarity, rule].filter((it) => it !== 'none');
  return judge !== 'none' && others.length > 0 && others.every((it) => it !== judge);
}

function AgreementCell({
  link,
  count,
  total,
  isOdd: odd,
}: {
  link: string | undefined;
  count: number;
  total: number;
  isOdd: boolean;
}) {
  const share = count / total;
  return (
    <td className={`end num ${odd && count > 0 ? 'odd' : ''}`}>
      {count === 0 || link === undefined ? (
        <span className="quiet">0</span>
      ) : (
        <a href={link}>
          {count.toLocaleString('en')}{' '}
          <span className="quiet">{share < 0.005 ? '< 1 %' : percent(share)}</span>
        </a>
      )}
    </td>
  );
}

function Phrases({ id, phrases }: { id: string; phrases: CheatingAnswer['phrases'] }) {
  return (
    <section aria-labelledby="phrases">
      <h2 id="phrases">Phrases that rise fastest</h2>
      <p className="quiet">
        Share of answers that hold them, in the first and in the last part of the run.
      </p>
      {phrases.length === 0 ? (
        <Empty title="No phrase rises." />
      ) : (
        <div className="card scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">Phrase</th>
                <th scope="col" className="end">
                  First
                </th>
                <th scope="col" className="end">
                  Last
                </th>
                <th scope="col" className="end">
                  Mean reward
                </th>
              </tr>
            </thead>
            <tbody>
              {phrases.map((phrase) => (
                <tr key={phrase.phrase}>
                  <th scope="row">
                    <a href={evidenceLink(id, 'rollouts', phrase.query)}>
                      {visible(phrase.phrase)}
                    </a>
                  </th>
                  <td className="end num">{percent(phrase.early)}</td>
                  <td className="end num">{percent(phrase.late)}</td>
                  <td className="end num">{fixed(phrase.meanReward)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
