/** One evaluation: its tasks with intervals, failures apart from wrong answers, and every sample. */
import { pairName } from '../../../src/server/view/sample-lists.ts';
import type {
  EvaluationAnswer,
  EvaluationTask,
  SampleRowView,
  SamplesAnswer,
} from '../../../src/server/view/wire.ts';
import { linkTo, useAddress } from '../address.ts';
import { IntervalBar } from '../chart/small.tsx';
import { count, fixed, percent, visible } from '../format.ts';
import { type Field, FilterBar } from '../parts/filter-bar.tsx';
import { OutcomeMark } from '../parts/outcome.tsx';
import { Empty, Foreign, Picture, Problems, Shown, StatusMark } from '../parts/shown.tsx';
import { pageSize, VirtualRows } from '../parts/virtual-rows.tsx';
import { ask, evaluationImage, isCopy, reportAddress } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';
import { Commands, Fields } from './config.tsx';
import { settingsOf } from './groups.tsx';
import { ComparePicker } from './overview.tsx';
import { ReportParts } from './report-parts.tsx';

export function EvaluationPage({ id }: { id: string }) {
  return (
    <Shown answer={useAnswer(ask.evaluation(id))}>
      {(answer) => <Evaluation answer={answer} />}
    </Shown>
  );
}

function Evaluation({ answer }: { answer: EvaluationAnswer }) {
  const { evaluation: it, htmlReport } = answer;
  const all = useAnswer(ask.runs());
  const others =
    all.kind === 'there' ? all.value.evaluations.filter((one) => one.id !== it.id) : [];
  return (
    <>
      <header className="head">
        <div className="head-line">
          <h1>{visible(it.name)}</h1>
          <StatusMark status={it.status} />
        </div>
        <dl className="facts">
          {it.model && (
            <div>
              <dt>Model</dt>
              <dd>{visible(it.model)}</dd>
            </div>
          )}
          <div>
            <dt>Score</dt>
            <dd className="num">{percent(it.score, 1)}</dd>
          </div>
          {answer.judging && (
            <div>
              <dt>Judging</dt>
              <dd>{visible(answer.judging)}</dd>
            </div>
          )}
          <div>
            <dt>Folder</dt>
            <dd>
              <code>{visible(it.path)}</code>
            </dd>
          </div>
          {htmlReport && !isCopy && (
            <div>
              <dt>Report</dt>
              <dd>
                <a href={reportAddress(it.id, htmlReport)}>as it was stored</a>
              </dd>
            </div>
          )}
        </dl>
        {it.status === 'dead' && (
          <p className="note note-problem" role="status">
            <strong>This evaluation is dead:</strong> its process is gone without having said how it
            ended. What it answered is all here; the same command goes on where it stopped.
          </p>
        )}
        <Problems problems={it.problems} />
        {others.length > 0 && <ComparePicker evaluations={others} first={it.id} />}
      </header>
      <section aria-labelledby="tasks">
        <h2 id="tasks">Tasks</h2>
        <Tasks id={it.id} tasks={answer.tasks} />
      </section>
      <ReportParts id={it.id} report={answer.report} />
      <section aria-labelledby="samples">
        <h2 id="samples">Samples</h2>
        <Samples answer={answer} />
      </section>
      <details className="below">
        <summary>Commands and config</summary>
        <Commands commands={answer.commands} />
        <Fields value={answer.config} />
      </details>
    </>
  );
}

function Tasks({ id, tasks }: { id: string; tasks: readonly EvaluationTask[] }) {
  if (tasks.length === 0) return <Empty title="No task is on record yet." />;
  return (
    <div className="card scroll">
      <table className="list">
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col" className="end">
              Score
            </th>
            <th scope="col">0 to 100 %, with interval</th>
            <th scope="col" className="end">
              Scored
            </th>
            <th scope="col">Failures, not counted as wrong</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <tr key={`${task.task}/${task.variant}`}>
              <th scope="row">
                <a href={linkTo(['evaluations', id], { task: task.task })}>{visible(task.task)}</a>
                {task.variant !== 'original' && <span className="quiet"> {task.variant}</span>}
                {task.access !== 'public' && <span className="chip">{task.access} data</span>}
              </th>
              <td className="end num">
                <strong>{percent(task.score, 1)}</strong>
                {task.interval && (
                  <div className="quiet">
                    {fixed(task.interval.low * 100, 1)} to {fixed(task.interval.high * 100, 1)}
                  </div>
                )}
              </td>
              <td>
                {task.problem ? (
                  <span className="quiet">{visible(task.problem)}</span>
                ) : (
                  <IntervalBar score={task.score} interval={task.interval} />
                )}
              </td>
              <td className="end num">
                {task.coverage.scored.toLocaleString('en')}
                <span className="quiet"> of {task.coverage.expected.toLocaleString('en')}</span>
              </td>
              <td>
                <Failures id={id} task={task} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Failures({ id, task }: { id: string; task: EvaluationTask }) {
  const kinds = [
    ['no answer', task.failures.answering],
    ['no verdict', task.failures.judging],
    ['row not usable', task.failures.rejected],
  ] as const;
  const shown = kinds.flatMap(([words, causes]) =>
    Object.entries(causes).map(([cause, number]) => ({ words, cause, number })),
  );
  if (shown.length === 0 && task.truncated === 0) return <span className="quiet">none</span>;
  return (
    <ul className="failures">
      {shown.map(({ words, cause, number }) => (
        <li key={words + cause}>
          <a href={linkTo(['evaluations', id], { task: task.task, outcome: 'failed', cause })}>
            {number} {words}: {visible(cause)}
          </a>
        </li>
      ))}
      {task.truncated > 0 && <li className="quiet">{task.truncated} cut off at the limit</li>}
    </ul>
  );
}

const sorts = [
  ['order', 'as asked'],
  ['wrong-first', 'wrong first'],
  ['longest', 'longest answer first'],
] as const;

const named = (names: readonly string[], least: number) => (names.length > least ? names : []);

function differing(judgings: readonly string[]): NonNullable<Field['choices']> {
  const pairs = judgings.flatMap((one, place) =>
    judgings
      .slice(place + 1)
      .map((other) => [pairName(one, other), `${one} and ${other}`] as const),
  );
  return pairs.length === 0 ? [] : [['any', 'any two'], ...pairs];
}

function sampleFields(answer: EvaluationAnswer): readonly Field[] {
  const tasks = [...new Set(answer.tasks.map((task) => task.task))];
  const variants = [...new Set(answer.tasks.map((task) => task.variant))];
  const causes = answer.tasks.flatMap(({ failures }) => [
    ...Object.keys(failures.answering),
    ...Object.keys(failures.judging),
  ]);
  return [
    { name: 'text', label: 'Text', placeholder: 'question or answer ( / )', width: '15rem' },
    { name: 'task', label: 'Task', choices: named(tasks, 1) },
    { name: 'variant', label: 'Variant', choices: named(variants, 1) },
    {
      name: 'outcome',
      label: 'Outcome',
      choices: ['right', 'partly', 'wrong', 'failed', ['not-asked', 'not asked']],
    },
    { name: 'cause', label: 'Cause', choices: [...new Set(causes)] },
    { name: 'judging', label: 'Judging', choices: named(answer.evaluation.judgings, 1) },
    { name: 'differ', label: 'Judgings differ', choices: differing(answer.evaluation.judgings) },
    { name: 'subgroup', label: 'Subgroup', placeholder: 'modality=CT', width: '8rem' },
    {
      name: 'label',
      label: 'Label',
      choices: [
        'right',
        'wrong',
        ['judge-wrong', 'judge is wrong'],
        ['any', 'labelled'],
        ['none', 'not labelled'],
      ],
    },
  ];
}

function Samples({ answer }: { answer: EvaluationAnswer }) {
  const { id } = answer.evaluation;
  const { query } = useAddress();
  const fields = sampleFields(answer);
  const settings = settingsOf(query, [...fields.map((field) => field.name), 'sort']);
  const page = (offset: number) =>
    ask.samples(id, { ...settings, offset: String(offset), limit: String(pageSize) });
  const start = useAnswer(page(0));
  return (
    <>
      <FilterBar
        fields={fields}
        sorts={sorts}
        total={start.kind === 'there' ? count(start.value.total, 'sample') : ' '}
      />
      <Shown answer={start}>
        {({ total }) =>
          total === 0 ? (
            <Empty title="No sample meets these filters." />
          ) : (
            <VirtualRows<SamplesAnswer, SampleRowView>
              total={total}
              page={page}
              rowsOf={(it) => it.samples}
              rowHeight={84}
              label="Samples"
            >
              {(row) => <SampleRow id={id} row={row} />}
            </VirtualRows>
          )
        }
      </Shown>
    </>
  );
}

function SampleRow({ id, row }: { id: string; row: SampleRowView }) {
  const [image] = row.images;
  return (
    <a className="group-row" href={linkTo(['evaluations', id, 'samples', row.task, row.sampleId])}>
      <span className="thumb">
        {image === undefined ? (
          <span className="no-picture" />
        ) : (
          <Picture address={evaluationImage(id, row.task, image)} alt="" />
        )}
      </span>
      <span className="group-text">
        <span className="clamp">
          <Foreign text={row.question} />
        </span>
        <span className="quiet clamp-1">
          right: <Foreign text={row.reference} className="reference" />
        </span>
      </span>
      <span className="group-strip clamp">
        {row.answer === null ? (
          <span className="quiet">no answer</span>
        ) : (
          <Foreign text={row.answer} />
        )}
      </span>
      <span className="group-facts">
        <OutcomeMark outcome={row.outcome} cause={row.cause} />
        {row.differing.length > 0 && (
          <span className="num">
            {Object.entries(row.scores)
              .map(([name, score]) => `${visible(name)} ${score === null ? '∅' : fixed(score)}`)
              .join(' · ')}
          </span>
        )}
        <span className="quiet">
          {visible(row.task)}
          {row.truncated && ' · cut off'}
          {row.label && ' · labelled'}
        </span>
      </span>
    </a>
  );
}
