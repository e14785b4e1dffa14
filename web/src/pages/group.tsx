/** One group: its prompt, and its completions side by side with why each got what it got. */
import type {
  ComponentView,
  GroupAnswer,
  GroupPlace,
  RolloutView,
} from '../../../src/server/view/wire.ts';
import { go, linkTo, setSettings, useAddress } from '../address.ts';
import { RewardStrip } from '../chart/small.tsx';
import { count, fixed, signed, visible } from '../format.ts';
import { useKeys } from '../keys.ts';
import { LabelButtons } from '../parts/label-buttons.tsx';
import { Foreign, Picture, Shown } from '../parts/shown.tsx';
import { TokenLegend, TokenStrip } from '../parts/tokens.tsx';
import { verdictOf } from '../parts/verdict.tsx';
import { ask, runImage } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';
import { UseMark } from './groups.tsx';

export function GroupPage({ id, place }: { id: string; place: GroupPlace }) {
  return (
    <Shown answer={useAnswer(ask.group(id, place))}>
      {(answer) => <Group id={id} answer={answer} />}
    </Shown>
  );
}

function Group({ id, answer }: { id: string; answer: GroupAnswer }) {
  const address = useAddress();
  const { row, rollouts } = answer;
  const hasTokens = address.query.get('tokens') === '1';
  const canColour = rollouts.some((it) => it.tokens !== null);
  const sort = address.query.get('sort') ?? 'order';
  const marked = address.query.get('rollout');
  const link = (to: GroupPlace | null) =>
    to
      ? linkTo(['runs', id, 'groups', to.part, to.iteration, to.group], {
          tokens: hasTokens ? '1' : undefined,
        })
      : undefined;
  const turnTokens = () => setSettings(address, { tokens: hasTokens ? undefined : '1' });
  const move = (to: GroupPlace | null) => () => {
    const next = link(to);
    if (next) go(next);
  };
  useKeys({
    j: move(answer.after),
    k: move(answer.before),
    ArrowRight: move(answer.after),
    ArrowLeft: move(answer.before),
    ...(canColour ? { t: turnTokens } : {}),
  });
  const shown =
    sort === 'reward' ? rollouts.toSorted((a, b) => (b.reward ?? -1) - (a.reward ?? -1)) : rollouts;
  return (
    <>
      <header className="group-head">
        <div className="head-line">
          <h1>
            Iteration {row.iteration}, group {row.group}
            {row.part === 'validation' ? ' of the validation' : ''}
          </h1>
          <UseMark row={row} />
          <nav className="neighbours" aria-label="Other groups">
            <Step to={link(answer.before)} words="← before" />
            <Step to={link(answer.after)} words="after →" />
          </nav>
        </div>
        <div className="group-question card">
          {row.images.length > 0 && (
            <div className="pictures">
              {row.images.map((image, i) => (
                <Picture
                  key={image}
                  address={runImage(id, image)}
                  alt={`Image ${i + 1} of the question`}
                />
              ))}
            </div>
          )}
          <div className="question-text">
            <h2>Question</h2>
            <p className="question">
              {row.question === null ? (
                <span className="quiet">not on record in this run ({visible(row.sampleId)})</span>
              ) : (
                <Foreign text={row.question} />
              )}
            </p>
            <h2>Right answer</h2>
            <p className="reference">
              {row.reference === null ? (
                <span className="quiet">not on record</span>
              ) : (
                <Foreign text={row.reference} />
              )}
            </p>
            {answer.accepted.length > 0 && (
              <p className="quiet">also right: {answer.accepted.map(visible).join(' · ')}</p>
            )}
            {answer.rubric.length > 0 && (
              <>
                <h2>Rubric</h2>
                <ul>
                  {answer.rubric.map((line) => (
                    <li key={line.criterion}>
                      {visible(line.criterion)} <span className="num quiet">{line.points}</span>
                    </li>
                  ))}
                </ul>
              </>
            )}
            {answer.prompt !== null && (
              <details>
                <summary>Prompt as the model saw it</summary>
                <pre className="foreign">{visible(answer.prompt)}</pre>
              </details>
            )}
          </div>
          <dl className="facts facts-column">
            <div>
              <dt>Rewards</dt>
              <dd>
                <RewardStrip rewards={row.rewards} />
              </dd>
            </div>
            <div>
              <dt>Mean ± spread</dt>
              <dd className="num">
                {fixed(row.mean)} ± {fixed(row.spread)}
              </dd>
            </div>
            {row.modality && (
              <div>
                <dt>Modality</dt>
                <dd>{visible(row.modality)}</dd>
              </div>
            )}
            {row.source && (
              <div>
                <dt>Source</dt>
                <dd>{visible(row.source)}</dd>
              </div>
            )}
            <div>
              <dt>Sample</dt>
              <dd>
                <code>{visible(row.sampleId)}</code>
              </dd>
            </div>
          </dl>
        </div>
      </header>
      <div className="section-head">
        <h2>{count(rollouts.length, 'completion')}</h2>
        <label>
          Sort{' '}
          <select
            value={sort}
            onChange={(event) => setSettings(address, { sort: event.target.value })}
          >
            <option value="order">as sampled</option>
            <option value="reward">by reward</option>
          </select>
        </label>
        {canColour ? (
          <label>
            <input type="checkbox" checked={hasTokens} onChange={turnTokens} /> Tokens by
            probability <kbd>t</kbd>
          </label>
        ) : (
          <span className="quiet">this run keeps no logprobs of tokens</span>
        )}
        {hasTokens && <TokenLegend />}
      </div>
      <div className="rollouts">
        {shown.map((it) => (
          <Rollout
            key={it.key}
            id={id}
            rollout={it}
            place={rollouts.indexOf(it) + 1}
            hasTokens={hasTokens}
            isMarked={it.key === marked}
          />
        ))}
      </div>
    </>
  );
}

function Step({ to, words }: { to: string | undefined; words: string }) {
  return to === undefined ? <span className="quiet">{words}</span> : <a href={to}>{words}</a>;
}

function Rollout({
  id,
  rollout: it,
  place,
  hasTokens,
  isMarked,
}: {
  id: string;
  rollout: RolloutView;
  place: number;
  hasTokens: boolean;
  isMarked: boolean;
}) {
  return (
    <article
      className={`card rollout ${isMarked ? 'rollout-marked' : ''}`}
      aria-label={`Completion ${place}`}
    >
      <header>
        <h3>
          <span className="quiet num">{place}</span>
          <span className="num reward">{fixed(it.reward)}</span>
          {it.reward === null && <span className="verdict verdict-none">∅ not scored</span>}
        </h3>
        <Advantage value={it.advantage} use={it.use} />
      </header>
      <table className="parts">
        <caption className="hidden">Parts of the reward</caption>
        <tbody>
          {Object.entries(it.components).map(([name, component]) => (
            <Part key={name} name={name} component={component} />
          ))}
        </tbody>
      </table>
      <Completion rollout={it} hasTokens={hasTokens} />
      <p className="quiet num rollout-facts">
        {count(it.completionTokens, 'token')} ·{' '}
        {it.stopReason === 'length' ? <strong>cut off at the limit</strong> : 'ended by itself'}
        {it.logprob !== null && ` · logprob ${fixed(it.logprob, 1)}`}
        {it.use !== 'trained' && ` · ${it.use}`}
      </p>
      <LabelButtons of={{ run: id }} subject={it.key} label={it.label} />
    </article>
  );
}

function Advantage({ value, use }: { value: number | null; use: string }) {
  if (value === null) return <span className="quiet">no advantage ({use})</span>;
  return (
    <span className="advantage num" title="Advantage: how much better than its group">
      <span className="quiet">advantage</span> {value > 0 ? '▲ ' : value < 0 ? '▼ ' : ''}
      {signed(value)}
    </span>
  );
}

function Part({ name, component }: { name: string; component: ComponentView }) {
  const { kind } = verdictOf(component);
  const sign = { right: '✓', wrong: '✗', part: '~', none: '∅' }[kind];
  if (component.kind === 'unscored') {
    return (
      <tr className="part-none">
        <th scope="row">{visible(name)}</th>
        <td colSpan={2}>
          <span className="verdict verdict-none">∅ {visible(component.cause)}</span>
          <div className="quiet">{visible(component.message)}</div>
        </td>
      </tr>
    );
  }
  return (
    <tr>
      <th scope="row">
        {visible(name)}
        {component.weight !== null && (
          <span className="quiet num"> ×{fixed(component.weight)}</span>
        )}
      </th>
      <td className="part-value">
        <span className={`verdict verdict-${kind} num`}>
          <span aria-hidden="true">{sign}</span> {fixed(component.value)}
        </span>
      </td>
      <td>
        <meter
          min={0}
          max={1}
          value={component.value}
          aria-label={`${name}: ${fixed(component.value)}`}
        />
        {component.detail && component.detail !== component.words && (
          <div className="quiet">{visible(component.detail)}</div>
        )}
        {component.disagreement !== null && component.disagreement > 0 && (
          <div className="quiet">judges disagree: {fixed(component.disagreement)}</div>
        )}
        {component.words && (
          <blockquote>
            <Foreign text={component.words} />
          </blockquote>
        )}
      </td>
    </tr>
  );
}

function Completion({ rollout: it, hasTokens }: { rollout: RolloutView; hasTokens: boolean }) {
  if (hasTokens && it.tokens) return <TokenStrip tokens={it.tokens} />;
  if (it.completion === '') return <p className="quiet">an empty completion</p>;
  if (it.answer === null) {
    return (
      <p className="completion">
        <Foreign text={it.completion} />
      </p>
    );
  }
  return (
    <>
      {it.thinking && (
        <p className="thinking">
          <Foreign text={it.thinking} />
        </p>
      )}
      <p className="answer">
        <Foreign text={it.answer} />
      </p>
      <details>
        <summary>whole completion</summary>
        <p className="completion">
          <Foreign text={it.completion} />
        </p>
      </details>
    </>
  );
}
