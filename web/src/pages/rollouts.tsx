/** Single rollouts that meet the filters: where the cells of tables and the evidence of alarms lead. */
import type { RolloutsAnswer, RolloutView } from '../../../src/server/view/wire.ts';
import { linkTo, useAddress } from '../address.ts';
import { count, fixed, signed } from '../format.ts';
import { FilterBar } from '../parts/filter-bar.tsx';
import { Empty, Foreign, Indexing, Picture, Shown } from '../parts/shown.tsx';
import { Verdict, verdictOf } from '../parts/verdict.tsx';
import { pageSize, VirtualRows } from '../parts/virtual-rows.tsx';
import { ask, runImage } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';
import { rolloutFields, settingsOf } from './groups.tsx';

const sorts = [
  ['newest', 'newest first'],
  ['oldest', 'oldest first'],
  ['-reward', 'highest reward'],
  ['reward', 'lowest reward'],
  ['-advantage', 'highest advantage'],
  ['advantage', 'lowest advantage'],
  ['-tokens', 'longest'],
  ['tokens', 'shortest'],
] as const;

export function Rollouts({ id }: { id: string }) {
  const { query } = useAddress();
  const names = [...rolloutFields(undefined).map((field) => field.name), 'sort'];
  const settings = settingsOf(query, names);
  const page = (offset: number) =>
    ask.rollouts(id, { ...settings, offset: String(offset), limit: String(pageSize) });
  const start = useAnswer(page(0));
  // The choices are those of the run; its groups know them.
  const groups = useAnswer(ask.groups(id, { limit: '1' }));
  return (
    <>
      <h2 className="hidden">Rollouts</h2>
      <FilterBar
        fields={rolloutFields(groups.kind === 'there' ? groups.value.choices : undefined)}
        sorts={sorts}
        total={start.kind === 'there' ? count(start.value.total, 'rollout') : ' '}
      />
      <Shown answer={start}>
        {({ total, index }) => (
          <>
            <Indexing id={id} index={index} />
            {total === 0 ? (
              <Empty title="No rollout meets these filters." />
            ) : (
              <VirtualRows<RolloutsAnswer, RolloutView>
                total={total}
                page={page}
                rowsOf={(answer) => answer.rollouts}
                rowHeight={96}
                label="Rollouts"
              >
                {(it) => <Row id={id} rollout={it} />}
              </VirtualRows>
            )}
          </>
        )}
      </Shown>
    </>
  );
}

function Row({ id, rollout: it }: { id: string; rollout: RolloutView }) {
  const [image] = it.images;
  const href = linkTo(['runs', id, 'groups', it.part, it.iteration, it.group], { rollout: it.key });
  return (
    <a className="group-row" href={href}>
      <span className="thumb">
        {image === undefined ? (
          <span className="no-picture" />
        ) : (
          <Picture address={runImage(id, image)} alt="" />
        )}
      </span>
      <span className="group-text">
        <span className="quiet clamp-1">
          <Foreign text={it.question ?? it.sampleId} />
        </span>
        <span className="clamp">
          <Foreign text={it.answer ?? it.completion} />
        </span>
        <span className="quiet clamp-1">
          {it.reference !== null && (
            <>
              right: <Foreign text={it.reference} className="reference" />
            </>
          )}
        </span>
      </span>
      <span className="group-strip verdicts">
        {Object.entries(it.components).map(([name, component]) => (
          <Verdict key={name} name={name} verdict={verdictOf(component)} />
        ))}
      </span>
      <span className="group-facts num">
        <strong>{fixed(it.reward)}</strong>
        <span className="quiet">advantage {signed(it.advantage)}</span>
        <span className="quiet">
          {it.iteration}/{it.group} · {count(it.completionTokens, 'token')}
        </span>
      </span>
    </a>
  );
}
