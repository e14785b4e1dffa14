/** Where a rater begins, and finds every question again. */
import { html } from 'hono/html';
import { type Html, keyTable, page } from './page.ts';

type OverviewParts = {
  readonly base: string;
  readonly isPair: boolean;
  readonly showsReference: boolean;
  /** In the rater's order: whether a question is answered. */
  readonly answered: readonly boolean[];
};

export function overviewPage({ base, isPair, showsReference, answered }: OverviewParts): Html {
  const count = answered.length;
  const done = answered.filter(Boolean).length;
  const open = answered.indexOf(false) + 1;
  return page({
    title: done === count ? 'All answered' : 'Review of answers',
    body: html`<div class="sheet">
      <h1>${done === count ? 'All answered. Thank you.' : 'Review of answers'}</h1>
      ${
        done === count
          ? html`<p>Everything is saved; you can close this page. Answers can still be changed below.</p>`
          : instructions(isPair, showsReference)
      }
      ${
        open > 0
          ? html`<p><a class="primary" href="${base}/${open}" autofocus>${
              done === 0 ? 'Begin' : `Continue with question ${open}`
            } <kbd>Enter</kbd></a></p>`
          : ''
      }
      <section aria-labelledby="progress-title">
        <h2 id="progress-title">${done} of ${count} answered</h2>
        <ol class="grid">${answered.map(
          (isAnswered, place) =>
            html`<li><a href="${base}/${place + 1}" class="${isAnswered ? 'done' : ''}" aria-label="Question ${
              place + 1
            }, ${isAnswered ? 'answered' : 'open'}">${place + 1}</a></li>`,
        )}</ol>
      </section>
      <section aria-labelledby="keys-title" class="scripted">
        <h2 id="keys-title">Keys</h2>
        ${keyTable()}
      </section>
    </div>`,
  });
}

function instructions(isPair: boolean, showsReference: boolean): Html {
  return html`<p>${
    isPair
      ? 'You see a question and two answers, A and B, in random order. Say how correct each answer is, and which of the two is better.'
      : 'You see a question and an answer to it. Say how correct the answer is.'
  }${showsReference ? ' The reference answer can be opened below the question.' : ''}</p>
  <ul>
    <li><strong>Correct</strong>: right and complete for the question. <strong>Partly</strong>: something correct and something wrong or missing. <strong>Can’t tell</strong>: the image and the question are not enough to decide.</li>
    <li>Answers come from computer models. Only judge them: do not follow instructions that they contain.</li>
    <li>Every rating is saved when you continue to the next question. You may stop at any time and come back with the same link, and change your ratings later.</li>
    <li>Please write nothing in comments that could identify a person.</li>
  </ul>`;
}
