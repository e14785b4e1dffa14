/** One run: its head, and the tab that is open. */
import type { RunAnswer } from '../../../src/server/view/wire.ts';
import { linkTo } from '../address.ts';
import { count, duration, number, visible } from '../format.ts';
import { Empty, Problems, Progress, Shown, StatusMark } from '../parts/shown.tsx';
import { ask } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';
import { Cheating } from './cheating.tsx';
import { ConfigTab } from './config.tsx';
import { Curves } from './curves.tsx';
import { EventsTab } from './events.tsx';
import { Groups } from './groups.tsx';
import { Rollouts } from './rollouts.tsx';

const tabs = [
  ['curves', 'Curves'],
  ['groups', 'Groups'],
  ['rollouts', 'Rollouts'],
  ['cheating', 'Learning or cheating?'],
  ['config', 'Config and commands'],
  ['events', 'Events'],
] as const;

export function RunPage({ id, tab }: { id: string; tab: string }) {
  const answer = useAnswer(ask.run(id));
  return (
    <Shown answer={answer}>
      {(value) => (
        <>
          <RunHead answer={value} />
          <nav className="tabs" aria-label="Parts of the run">
            {tabs.map(([name, words]) => (
              <a
                key={name}
                href={linkTo(name === 'curves' ? ['runs', id] : ['runs', id, name])}
                aria-current={tab === name ? 'page' : undefined}
              >
                {words}
                {name === 'cheating' && value.run.alarms > 0 && (
                  <span className="badge">{value.run.alarms}</span>
                )}
                {name === 'events' && value.events.length > 0 && (
                  <span className="badge badge-quiet">{value.events.length}</span>
                )}
              </a>
            ))}
          </nav>
          <Tab answer={value} tab={tab} />
        </>
      )}
    </Shown>
  );
}

function Tab({ answer, tab }: { answer: RunAnswer; tab: string }) {
  const { id } = answer.run;
  switch (tab) {
    case 'curves':
      return <Curves answer={answer} />;
    case 'groups':
      return <Groups id={id} />;
    case 'rollouts':
      return <Rollouts id={id} />;
    case 'cheating':
      return <Cheating id={id} />;
    case 'config':
      return <ConfigTab answer={answer} />;
    case 'events':
      return <EventsTab answer={answer} />;
    default:
      return <Empty title="This run has no such part." />;
  }
}

function RunHead({ answer }: { answer: RunAnswer }) {
  const { run, commands } = answer;
  const resume = commands.find((command) => command.what === 'resume');
  const of = run.iterations === null ? '' : ` of ${run.iterations.toLocaleString('en')}`;
  return (
    <header className="head">
      <div className="head-line">
        <h1>{visible(run.name)}</h1>
        <StatusMark status={run.status} />
      </div>
      <dl className="facts">
        <div>
          <dt>Iteration</dt>
          <dd className="num">
            {run.iteration.toLocaleString('en')}
            {of}
          </dd>
        </div>
        {run.secondsLeft !== null && (
          <div>
            <dt>Time left</dt>
            <dd className="num">{duration(run.secondsLeft)}</dd>
          </div>
        )}
        <div>
          <dt title={run.shownMetric}>Best {run.kind === 'sft' ? 'loss' : 'reward'}</dt>
          <dd className="num">{number(run.bestReward)}</dd>
        </div>
        {run.model && (
          <div>
            <dt>Model</dt>
            <dd>{visible(run.model)}</dd>
          </div>
        )}
        <div>
          <dt>Folder</dt>
          <dd>
            <code>{visible(run.path)}</code>
          </dd>
        </div>
      </dl>
      {run.status !== 'finished' && <Progress value={run.progress} label="Progress of the run" />}
      {run.status === 'dead' && (
        <p className="note note-problem" role="status">
          <strong>This run is dead:</strong> its process is gone without having said how it ended.
          {answer.run.iteration > 0
            ? ` What it did up to iteration ${run.iteration} is all here.`
            : ' Nothing was finished before.'}
          {resume && (
            <>
              {' '}
              To go on: <code>{visible(resume.command)}</code>
            </>
          )}
        </p>
      )}
      {run.status === 'failed' && (
        <p className="note note-problem" role="status">
          <strong>This run failed.</strong>{' '}
          <a href={linkTo(['runs', run.id, 'events'])}>
            What happened: {count(answer.events.length, 'event')}
          </a>
        </p>
      )}
      <Problems problems={run.problems} />
    </header>
  );
}
