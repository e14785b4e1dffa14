/** What a scored evaluation also knows: whether it needs the image, whether the order of options matters, agreement. */
import type { AgreementReport, EvalReport } from '../../../src/eval/results/report.ts';
import { pairName } from '../../../src/server/view/sample-lists.ts';
import { linkTo } from '../address.ts';
import { count, fixed, percent, visible } from '../format.ts';

type Parts = Partial<Pick<EvalReport, 'imageDependence' | 'optionPermutation' | 'agreement'>>;

export function ReportParts({
  id,
  report,
}: {
  id: string;
  report: Readonly<Record<string, unknown>> | null;
}) {
  if (report === null) return null;
  const { imageDependence, optionPermutation, agreement } = report as Parts;
  return (
    <>
      {agreement && agreement.length > 0 && <Agreement id={id} agreement={agreement} />}
      {imageDependence && imageDependence.tasks.length > 0 && (
        <section aria-labelledby="image-dependence">
          <h2 id="image-dependence">Does it look at the image?</h2>
          <ul className="card plain">
            {imageDependence.tasks.flatMap(({ task, changes }) =>
              changes.map((change) => (
                <li key={task + change.variant}>
                  <strong>{visible(task)}</strong>, {change.variant}:{' '}
                  <span className="num">
                    {percent(change.trueImage.score, 1)} → {percent(change.changedImage.score, 1)}
                  </span>
                  . {visible(change.inWords)}
                </li>
              )),
            )}
          </ul>
        </section>
      )}
      {optionPermutation && optionPermutation.length > 0 && (
        <section aria-labelledby="option-order">
          <h2 id="option-order">Does the order of the options matter?</h2>
          <div className="card scroll">
            <table>
              <thead>
                <tr>
                  <th scope="col">Task</th>
                  <th scope="col" className="end">
                    Pairs
                  </th>
                  <th scope="col" className="end">
                    Another option chosen
                  </th>
                  <th scope="col" className="end">
                    Accuracy changes by
                  </th>
                  <th scope="col">Letters chosen, of those offered</th>
                </tr>
              </thead>
              <tbody>
                {optionPermutation.map((it) => (
                  <tr key={it.task}>
                    <th scope="row">{visible(it.task)}</th>
                    <td className="end num">{it.pairs}</td>
                    <td className="end num">{percent(it.changed?.score ?? null, 1)}</td>
                    <td className="end num">{fixed(it.difference?.value, 3)}</td>
                    <td className="num">
                      {it.letters
                        .map(
                          (use) => `${use.letter} ${percent(use.taken / Math.max(1, use.offered))}`,
                        )
                        .join(' · ')}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
    </>
  );
}

function Agreement({ id, agreement }: { id: string; agreement: readonly AgreementReport[] }) {
  return (
    <section aria-labelledby="judgings">
      <h2 id="judgings">Do the judgings agree?</h2>
      <p className="quiet">
        Kappa and alpha are agreement beyond chance: 1 is perfect, 0 what chance would bring about.
      </p>
      <div className="card scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Judgings</th>
              <th scope="col" className="end">
                Answers
              </th>
              <th scope="col" className="end">
                Same score
              </th>
              <th scope="col" className="end">
                Kappa, 95 %
              </th>
              <th scope="col" className="end">
                Differ
              </th>
            </tr>
          </thead>
          <tbody>
            {agreement.flatMap(({ scale, pairs }) =>
              pairs.map(({ one, other, answers, agreement: share, kappa }) => (
                <tr key={`${scale} ${one} ${other}`}>
                  <th scope="row">
                    {visible(one)} and {visible(other)}
                    {scale === 'graded' && <span className="quiet"> on reports</span>}
                  </th>
                  <td className="end num">{answers.toLocaleString('en')}</td>
                  <td className="end num">{percent(share, 1)}</td>
                  <td className="end num">{kappa ? within(kappa) : '–'}</td>
                  <td className="end num">
                    <Differing
                      id={id}
                      pair={pairName(one, other)}
                      answers={answers * (1 - share)}
                    />
                  </td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </div>
      {agreement.map(({ scale, judgings, answers, alpha }) => (
        <p key={scale} className="num">
          Krippendorff’s alpha of {count(judgings.length, 'judging')}
          {scale === 'graded' && ' on reports'}:{' '}
          {alpha ? within(alpha) : 'not defined, since all scores are the same'}, over{' '}
          {count(answers, 'answer')}.
        </p>
      ))}
    </section>
  );
}

function within({ value, interval }: NonNullable<AgreementReport['alpha']>): string {
  if (interval === null) return fixed(value);
  return `${fixed(value)} (${fixed(interval.low)} to ${fixed(interval.high)})`;
}

function Differing({ id, pair, answers }: { id: string; pair: string; answers: number }) {
  const number = Math.round(answers);
  if (number === 0) return <span className="quiet">0</span>;
  return <a href={linkTo(['evaluations', id], { differ: pair })}>{count(number, 'answer')}</a>;
}
