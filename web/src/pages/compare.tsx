/** Two evaluations side by side: is one better, and where did answers flip? */
import type { CompareAnswer, CompareRow } from '../../../src/server/view/wire.ts';
import { linkTo, setSettings, useAddress } from '../address.ts';
import { count, fixed, percent, signed, visible } from '../format.ts';
import { type Field, FilterBar } from '../parts/filter-bar.tsx';
import { Empty, Foreign, Picture, Shown } from '../parts/shown.tsx';
import { pageSize, VirtualRows } from '../parts/virtual-rows.tsx';
import { ask, evaluationImage } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';
import { settingsOf } from './groups.tsx';

export function ComparePage() {
  const address = useAddress();
  const a = address.query.get('a');
  const b = address.query.get('b');
  const names = ['task', 'variant', 'flipped', 'text', 'subgroup'];
  const settings = settingsOf(address.query, names);
  if (!a || !b) {
    return (
      <Empty title="Two evaluations are needed.">
        <a href="#/">Choose them</a>
      </Empty>
    );
  }
  const page = (offset: number) =>
    ask.compare(a, b, { ...settings, offset: String(offset), limit: String(pageSize) });
  return <Compared a={a} page={page} />;
}

function Compared({
  a,
  page,
}: {
  a: string;
  page: (offset: number) => ReturnType<typeof ask.compare>;
}) {
  const start = useAnswer(page(0));
  return (
    <Shown answer={start}>
      {(answer) => (
        <>
          <header className="head">
            <h1>
              {visible(answer.a.name)} <span className="quiet">and</span> {visible(answer.b.name)}
            </h1>
            <Significance answer={answer} />
          </header>
          <FilterBar fields={fieldsOf(answer)} total={count(answer.total, 'question')} />
          {answer.total === 0 ? (
            <Empty title="No question meets these filters." />
          ) : (
            <>
              <div className="compare-head" aria-hidden="true">
                <span>Question</span>
                <span>A: {visible(answer.a.name)}</span>
                <span>B: {visible(answer.b.name)}</span>
              </div>
              <VirtualRows<CompareAnswer, CompareRow>
                total={answer.total}
                page={page}
                rowsOf={(it) => it.rows}
                rowHeight={96}
                label="Questions, those whose answers flipped first"
              >
                {(row) => <Row a={a} row={row} />}
              </VirtualRows>
            </>
          )}
        </>
      )}
    </Shown>
  );
}

function fieldsOf(answer: CompareAnswer): readonly Field[] {
  const tasks = [...new Set([...answer.a.tasks, ...answer.b.tasks])];
  return [
    { name: 'text', label: 'Text', placeholder: 'question or answer ( / )', width: '15rem' },
    { name: 'task', label: 'Task', choices: tasks.length > 1 ? tasks : [] },
    {
      name: 'flipped',
      label: 'Flipped',
      choices: [
        ['any', 'either way'],
        ['better', 'B is right, A was not'],
        ['worse', 'A was right, B is not'],
      ],
    },
    { name: 'subgroup', label: 'Subgroup', placeholder: 'modality=CT', width: '8rem' },
  ];
}

function Significance({ answer }: { answer: CompareAnswer }) {
  const address = useAddress();
  const it = answer.significance;
  if (it === null) {
    return (
      <p className="note">
        No question of this slice has a score from both, so nothing can be said.
      </p>
    );
  }
  const flip = (value: 'better' | 'worse', words: string) => (
    <button
      type="button"
      className="link"
      aria-pressed={address.query.get('flipped') === value}
      onClick={() =>
        setSettings(address, {
          flipped: address.query.get('flipped') === value ? undefined : value,
        })
      }
    >
      {words}
    </button>
  );
  return (
    <section className="significance card" aria-label="Significance of this slice">
      <p className="lead">{visible(it.inWords)}</p>
      <dl className="facts">
        <div>
          <dt>A</dt>
          <dd className="num">{percent(it.aMean, 1)}</dd>
        </div>
        <div>
          <dt>B</dt>
          <dd className="num">{percent(it.bMean, 1)}</dd>
        </div>
        <div>
          <dt>B − A, in points</dt>
          <dd className="num">
            {signed(it.difference * 100, 1)}
            {it.interval && (
              <span className="quiet">
                {' '}
                ({signed(it.interval.low * 100, 1)} to {signed(it.interval.high * 100, 1)})
              </span>
            )}
          </dd>
        </div>
        <div>
          <dt>p</dt>
          <dd className="num">{it.pValue < 0.001 ? '< 0.001' : fixed(it.pValue, 3)}</dd>
        </div>
        <div>
          <dt>Flipped</dt>
          <dd className="num">
            {flip('better', `${it.better} better`)} · {flip('worse', `${it.worse} worse`)}
          </dd>
        </div>
        <div>
          <dt>Compared</dt>
          <dd className="num">
            {it.compared} <span className="quiet">in {count(it.clusters, 'cluster')}</span>
          </dd>
        </div>
      </dl>
      {answer.onlyA + answer.onlyB > 0 && (
        <p className="quiet num">
          Left out: {answer.onlyA} only in A, {answer.onlyB} only in B
        </p>
      )}
    </section>
  );
}

function Row({ a, row }: { a: string; row: CompareRow }) {
  const [image] = row.images;
  return (
    <a
      className={`compare-row ${row.flipped ? `flipped-${row.flipped}` : ''}`}
      href={linkTo(['evaluations', a, 'samples', row.task, row.sampleId])}
    >
      <span className="thumb">
        {image === undefined ? (
          <span className="no-picture" />
        ) : (
          <Picture address={evaluationImage(a, row.task, image)} alt="" />
        )}
      </span>
      <span className="group-text">
        <span className="clamp">
          <Foreign text={row.question} />
        </span>
        <span className="quiet clamp-1">
          right: <Foreign text={row.reference} className="reference" />
        </span>
        {row.flipped && (
          <span className={`flip flip-${row.flipped}`}>
            {row.flipped === 'better' ? '▲ better in B' : '▼ worse in B'}
          </span>
        )}
      </span>
      <Side name="A" side={row.a} />
      <Side name="B" side={row.b} />
    </a>
  );
}

function Side({ name, side }: { name: string; side: CompareRow['a'] }) {
  const kind =
    side.score === null ? 'none' : side.score >= 1 ? 'right' : side.score <= 0 ? 'wrong' : 'part';
  const sign = { right: '✓', wrong: '✗', part: '~', none: '∅' }[kind];
  const words = { right: 'right', wrong: 'wrong', part: fixed(side.score), none: 'no score' }[kind];
  return (
    <span className="side">
      <span className={`verdict verdict-${kind}`}>
        <span aria-hidden="true">{sign}</span> <span className="side-name">{name}</span> {words}
      </span>
      <span className="clamp">
        {side.answer === null ? (
          <span className="quiet">no answer</span>
        ) : (
          <Foreign text={side.answer} />
        )}
      </span>
    </span>
  );
}
