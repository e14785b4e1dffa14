/** The frame of every page, and which page an address is. */
import { useEffect, useRef, useState } from 'react';
import { go, linkTo, useAddress } from './address.ts';
import { useKeys } from './keys.ts';
import { ComparePage } from './pages/compare.tsx';
import { EvaluationPage } from './pages/evaluation.tsx';
import { GroupPage } from './pages/group.tsx';
import { Help } from './pages/help.tsx';
import { OtherPage } from './pages/other.tsx';
import { Overview } from './pages/overview.tsx';
import { RunPage } from './pages/run.tsx';
import { SamplePage } from './pages/sample.tsx';
import { Guard } from './parts/guard.tsx';
import { Empty } from './parts/shown.tsx';
import { type Connection, useConnection } from './source/live.ts';
import { useTheme } from './theme.ts';

const connections: Readonly<Record<Connection, readonly [string, string]>> = {
  live: ['live', 'Changes on disk appear here by themselves'],
  connecting: ['connecting', 'Waiting for the server'],
  lost: ['not connected', 'The server does not answer; is `medix view` still running?'],
  copy: ['copy', 'A copy: what was on disk when it was made'],
};

export function App() {
  const { path } = useAddress();
  const [isHelp, setHelp] = useState(false);
  const [theme, turnTheme] = useTheme();
  const connection = useConnection();
  const main = useRef<HTMLElement>(null);
  const place = path.join('/');
  useEffect(() => {
    document.title =
      path.length === 0 ? 'MediX' : `${path.slice(1, 3).join(' · ').replace(/^.*~/, '')} · MediX`;
  }, [path]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page begins at its top
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [place]);
  useKeys({
    '?': () => setHelp(true),
    '/': () => document.querySelector<HTMLInputElement>('[data-search]')?.focus(),
    Escape: () => {
      const focused = document.activeElement;
      if (focused instanceof HTMLElement && focused.matches('input, select, textarea')) {
        focused.blur();
      } else if (path.length > 0) go(parentOf(path));
    },
  });
  const [word, meaning] = connections[connection];
  return (
    <>
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        To the content
      </button>
      <header className="top">
        <nav aria-label="Where you are">
          <a className="brand" href="#/">
            MediX
          </a>
          <Crumbs path={path} />
        </nav>
        <div className="top-end">
          <span className={`connection connection-${connection}`} title={meaning} role="status">
            {word}
          </span>
          <button
            type="button"
            className="small"
            onClick={turnTheme}
            aria-label={`Colours: ${theme}`}
          >
            <span aria-hidden="true">{{ system: '◐', light: '○', dark: '●' }[theme]}</span>
          </button>
          <button type="button" className="small" onClick={() => setHelp(true)} aria-label="Help">
            ?
          </button>
        </div>
      </header>
      <main ref={main} tabIndex={-1}>
        <Guard key={place}>
          <Page path={path} />
        </Guard>
      </main>
      {isHelp && <Help onClose={() => setHelp(false)} />}
    </>
  );
}

function parentOf(path: readonly string[]): string {
  const [kind, id = '', place] = path;
  if (path.length <= 2) return '#/';
  if (kind === 'runs' && place === 'groups' && path.length > 3) {
    return linkTo(['runs', id, 'groups']);
  }
  return linkTo([kind ?? '', id]);
}

function Crumbs({ path }: { path: readonly string[] }) {
  const [kind, id, ...rest] = path;
  if (kind === undefined || id === undefined) return null;
  return (
    <ol className="crumbs">
      <li>
        <a href={linkTo([kind, id])}>{id.split('~').at(-1)}</a>
      </li>
      {rest.length > 0 && <li aria-current="page">{rest.join(' / ')}</li>}
    </ol>
  );
}

function Page({ path }: { path: readonly string[] }) {
  const [kind, id, ...rest] = path;
  if (kind === undefined) return <Overview />;
  if (kind === 'compare') return <ComparePage />;
  if (id === undefined) return <Unknown />;
  if (kind === 'others') return <OtherPage key={id} id={id} />;
  if (kind === 'runs') {
    const [tab = 'curves', part, iteration, group] = rest;
    if (tab === 'groups' && group !== undefined) {
      const place = {
        part: part === 'validation' ? ('validation' as const) : ('training' as const),
        iteration: Number(iteration),
        group: Number(group),
      };
      return <GroupPage key={rest.join('/')} id={id} place={place} />;
    }
    return <RunPage key={id} id={id} tab={tab} />;
  }
  if (kind === 'evaluations') {
    const [place, task, sample] = rest;
    if (place === 'samples' && task !== undefined && sample !== undefined) {
      return <SamplePage key={rest.join('/')} id={id} task={task} sampleId={sample} />;
    }
    return <EvaluationPage key={id} id={id} />;
  }
  return <Unknown />;
}

function Unknown() {
  return (
    <Empty title="There is no such page.">
      <a href="#/">All runs and evaluations</a>
    </Empty>
  );
}
