/** The groups of a run as rows: what was asked, and how the answers fared. */
import type { GroupRow, GroupsAnswer } from '../../../src/server/view/wire.ts';
import { linkTo, type Settings, useAddress } from '../address.ts';
import { RewardStrip } from '../chart/small.tsx';
import { count, fixed, inWords, visible } from '../format.ts';
import { type Field, FilterBar } from '../parts/filter-bar.tsx';
import { Empty, Foreign, Indexing, Picture, Shown } from '../parts/shown.tsx';
import { pageSize, VirtualRows } from '../parts/virtual-rows.tsx';
import { ask, runImage } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';

const agreements = ['right', 'wrong', ['none', 'no verdict']] as const;

/** The fields by which groups and rollouts alike are filtered. */
export function rolloutFields(choices: GroupsAnswer['choices'] | undefined): readonly Field[] {
  const span = choices?.iterations;
  return [
    { name: 'text', label: 'Text', placeholder: 'question or answer ( / )', width: '15rem' },
    {
      name: 'iteration',
      label: 'Iteration',
      placeholder: span ? `${span.first}-${span.last}` : '10-20',
      width: '6rem',
    },
    { name: 'part', label: 'Part', choices: ['training', 'validation'] },
    { name: 'use', label: 'Use', choices: choices?.uses ?? [] },
    { name: 'cause', label: 'Cause', choices: choices?.causes ?? [] },
    { name: 'verdict', label: 'Judge', choices: agreements },
    { name: 'similarity', label: 'Similarity', choices: agreements },
    { name: 'rule', label: 'Rule', choices: agreements },
    { name: 'tag', label: 'Modality', choices: choices?.tags ?? [] },
    { name: 'source', label: 'Source', choices: choices?.sources ?? [] },
    { name: 'minReward', label: 'Reward from', placeholder: '0', width: '4.5rem' },
    { name: 'maxReward', label: 'to', placeholder: '1', width: '4.5rem' },
    { name: 'minTokens', label: 'Tokens from', width: '4.5rem' },
    { name: 'maxTokens', label: 'to', width: '4.5rem' },
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

const sorts = [
  ['newest', 'newest first'],
  ['oldest', 'oldest first'],
  ['-reward', 'highest reward'],
  ['reward', 'lowest reward'],
  ['-spread', 'widest spread'],
  ['spread', 'narrowest spread'],
  ['-tokens', 'longest'],
  ['tokens', 'shortest'],
] as const;

/** Of the filters, what stands in the address. */
export function settingsOf(query: URLSearchParams, names: readonly string[]): Settings {
  return Object.fromEntries(names.map((name) => [name, query.get(name) ?? undefined]));
}

export function Groups({ id }: { id: string }) {
  const { query } = useAddress();
  const names = [...rolloutFields(undefined).map((field) => field.name), 'sort'];
  const settings = settingsOf(query, names);
  const page = (offset: number) =>
    ask.groups(id, { ...settings, offset: String(offset), limit: String(pageSize) });
  const start = useAnswer(page(0));
  const known = start.kind === 'there' ? start.value : undefined;
  return (
    <>
      <h2 className="hidden">Groups</h2>
      <FilterBar
        fields={rolloutFields(known?.choices)}
        sorts={sorts}
        total={known ? count(known.total, 'group') : ' '}
      />
      <Shown answer={start}>
        {({ total, index }) => (
          <>
            <Indexing id={id} index={index} />
            {total === 0 ? (
              <NoGroups hasFilter={Object.values(settings).some(Boolean)} />
            ) : (
              <VirtualRows<GroupsAnswer, GroupRow>
                total={total}
                page={page}
                rowsOf={(answer) => answer.groups}
                rowHeight={84}
                label="Groups"
              >
                {(row) => <Row id={id} row={row} />}
              </VirtualRows>
            )}
          </>
        )}
      </Shown>
    </>
  );
}

function NoGroups({ hasFilter }: { hasFilter: boolean }) {
  if (hasFilter) return <Empty title="No group meets these filters.">Take one away.</Empty>;
  return <Empty title="No group yet.">They appear here as soon as the first one is scored.</Empty>;
}

function Row({ id, row }: { id: string; row: GroupRow }) {
  const [image] = row.images;
  const href = linkTo(['runs', id, 'groups', row.part, row.iteration, row.group]);
  return (
    <a className="group-row" href={href}>
      <span className="thumb">
        {image === undefined ? (
          <span className="no-picture" />
        ) : (
          <Picture address={runImage(id, image)} alt="" />
        )}
        {row.images.length > 1 && <span className="thumb-more">+{row.images.length - 1}</span>}
      </span>
      <span className="group-text">
        <span className="clamp">
          {row.question === null ? (
            <span className="quiet">question not on record ({visible(row.sampleId)})</span>
          ) : (
            <Foreign text={row.question} />
          )}
        </span>
        <span className="quiet clamp-1">
          {row.reference !== null && (
            <>
              right: <Foreign text={row.reference} className="reference" />
            </>
          )}
        </span>
      </span>
      <span className="group-strip">
        <RewardStrip rewards={row.rewards} />
      </span>
      <span className="group-facts num">
        <span>
          <strong>{fixed(row.mean)}</strong> <span className="quiet">± {fixed(row.spread)}</span>
        </span>
        <UseMark row={row} />
        <span className="quiet">
          {row.part === 'validation' ? 'val ' : ''}
          {row.iteration}/{row.group}
          {row.truncated > 0 && ` · ${row.truncated} cut off`}
          {row.labels > 0 && ` · ${count(row.labels, 'label')}`}
        </span>
      </span>
    </a>
  );
}

export function UseMark({ row }: { row: Pick<GroupRow, 'use' | 'cause'> }) {
  return (
    <span className={`use use-${row.use}`}>
      {row.use}
      {row.cause ? `: ${visible(inWords(row.cause))}` : ''}
    </span>
  );
}
