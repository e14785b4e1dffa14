/** What a scored evaluation also knows: whether it needs the image, whether the order of options matters, agreement. */
import type { EvalReport } from '../../../src/eval/results/report.ts';
import { fixed, percent, visible } from '../format.ts';

type Parts = Partial<Pick<EvalReport, 'imageDependence' | 'optionPermutation' | 'agreement'>>;

export function ReportParts({ report }: { report: Readonly<Record<string, unknown>> | null }) {
  if (report === null) return null;
  const { imageDependence, optionPermutation } = report as Parts;
  return (
    <>
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
