/** One sample of an evaluation: what was asked, what was answered, and what the judges said. */
import type { SampleAnswer, SampleAnswerView } from '../../../src/server/view/wire.ts';
import { count, fixed, visible } from '../format.ts';
import { LabelButtons } from '../parts/label-buttons.tsx';
import { OutcomeMark } from '../parts/outcome.tsx';
import { Empty, Foreign, Picture, Shown } from '../parts/shown.tsx';
import { ask, evaluationImage } from '../source/questions.ts';
import { useAnswer } from '../source/store.ts';

export function SamplePage({ id, task, sampleId }: { id: string; task: string; sampleId: string }) {
  return (
    <Shown answer={useAnswer(ask.sample(id, task, sampleId))}>
      {(answer) => <Sample id={id} answer={answer} />}
    </Shown>
  );
}

function Sample({ id, answer }: { id: string; answer: SampleAnswer }) {
  const { row, choices } = answer;
  return (
    <>
      <header className="group-head">
        <div className="head-line">
          <h1>
            {visible(row.task)} <span className="quiet">{visible(row.sampleId)}</span>
          </h1>
          <OutcomeMark outcome={row.outcome} cause={row.cause} />
        </div>
        <div className="group-question card">
          {row.images.length > 0 && (
            <div className="pictures">
              {row.images.map((image, i) => (
                <Picture
                  key={image}
                  address={evaluationImage(id, row.task, image)}
                  alt={`Image ${i + 1} of the question`}
                />
              ))}
            </div>
          )}
          <div className="question-text">
            <h2>Question</h2>
            <p className="question">
              <Foreign text={row.question} />
            </p>
            {choices.length > 0 && <Choices choices={choices} right={row.reference} />}
            <h2>Right answer</h2>
            <p className="reference">
              <Foreign text={row.reference} />
            </p>
            {answer.accepted.length > 0 && (
              <p className="quiet">also right: {answer.accepted.map(visible).join(' · ')}</p>
            )}
          </div>
          <dl className="facts facts-column">
            {Object.entries(row.subgroups).map(([dimension, value]) => (
              <div key={dimension}>
                <dt>{visible(dimension)}</dt>
                <dd>{visible(value)}</dd>
              </div>
            ))}
          </dl>
        </div>
      </header>
      <h2>{count(answer.answers.length, 'answer')}</h2>
      {answer.answers.length === 0 && <Empty title="It was not answered yet." />}
      <div className="rollouts">
        {answer.answers.map((it) => (
          <AnswerCard key={`${it.variant}/${it.epoch}`} asked={row.question} answer={it} />
        ))}
      </div>
      <LabelButtons
        of={{ evaluation: id }}
        subject={`${row.task}/${row.sampleId}`}
        label={answer.label}
      />
    </>
  );
}

function Choices({ choices, right }: { choices: SampleAnswer['choices']; right: string }) {
  return (
    <ol className="choices">
      {choices.map(({ letter, text }) => {
        const isRight = right === letter || right === text;
        return (
          <li key={letter} className={isRight ? 'is-right' : ''}>
            <strong>{visible(letter)}</strong> <Foreign text={text} />
            {isRight && <span className="verdict verdict-right">✓ right</span>}
          </li>
        );
      })}
    </ol>
  );
}

function AnswerCard({ asked, answer: it }: { asked: string; answer: SampleAnswerView }) {
  return (
    <article className="card rollout">
      <header>
        <h3>
          {it.variant === 'original' ? 'As asked' : it.variant}
          <span className="quiet num"> answer {it.epoch}</span>
        </h3>
      </header>
      {it.variant !== 'original' && it.askedQuestion !== asked && (
        <p className="thinking">
          asked: <Foreign text={it.askedQuestion} />
        </p>
      )}
      {it.failure && (
        <p>
          <span className="verdict verdict-none">∅ {visible(it.failure.cause)}</span>{' '}
          <span className="quiet">{visible(it.failure.message)}</span>
        </p>
      )}
      {it.response !== null && (
        <p className="completion">
          <Foreign text={it.response} />
        </p>
      )}
      <p className="quiet num">
        {it.tokens && count(it.tokens.completion, 'token')}
        {it.stopReason === 'length' && ' · cut off at the limit'}
      </p>
      {it.judgings.map((judging) => (
        <section key={judging.name} className="judging">
          <h4>
            {visible(judging.name)} <OutcomeMark outcome={judging.outcome} cause={judging.cause} />
            {judging.score !== null && <span className="num quiet">{fixed(judging.score)}</span>}
          </h4>
          <p className="answer">
            <span className="quiet">judged: </span>
            <Foreign text={judging.answer} />
          </p>
          {judging.ruleCorrect !== null && (
            <p className="quiet">
              by rule, without a judge: {judging.ruleCorrect ? '✓ right' : '✗ wrong'}
            </p>
          )}
          {judging.votes.map((vote, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: votes of one judge have no other name
            <blockquote key={i}>
              <div className="quiet">
                {visible(vote.judge)}:{' '}
                {vote.score === null ? visible(vote.cause ?? 'no verdict') : fixed(vote.score)}
              </div>
              <Foreign text={vote.words} />
            </blockquote>
          ))}
        </section>
      ))}
    </article>
  );
}
