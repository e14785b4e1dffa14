/** The page on which a rater answers: images, question, answers, and what is asked about them. */
import { html } from 'hono/html';
import type { PresentedItem } from '../../eval/review/presentation.ts';
import {
  type Grade,
  grades,
  maxCommentCharacters,
  type Preference,
} from '../../eval/review/review-set.ts';
import { type Html, keyTable, page } from './page.ts';

/** What the form holds: saved before, sent but refused, or nothing. */
export type FormValues = {
  readonly preference?: Preference | undefined;
  /** From left to right. */
  readonly grades: readonly (Grade | undefined)[];
  readonly comment: string;
};

type ItemPageParts = {
  readonly presented: PresentedItem;
  /** Path of the rater's pages, e.g. `/r/TOKEN`. */
  readonly base: string;
  /** Names this rater's drafts in the browser's storage. */
  readonly draftKey: string;
  /** From 1. */
  readonly position: number;
  readonly count: number;
  readonly answered: number;
  readonly values: FormValues;
  readonly isSaved: boolean;
  /** Why what was sent was not saved. */
  readonly problem?: string;
};

const gradeNames: Readonly<Record<Grade, string>> = {
  correct: 'Correct',
  partly: 'Partly',
  wrong: 'Wrong',
  unclear: 'Can’t tell',
};

const preferenceNames: readonly (readonly [Preference, string])[] = [
  ['left', 'A is better'],
  ['right', 'B is better'],
  ['both', 'Both good'],
  ['neither', 'Neither'],
];

const letters = ['A', 'B'];
const gradeKeys = ['QWER', 'ASDF'];
const firstKeys = '1234';

export function itemPage(parts: ItemPageParts): Html {
  const { presented, base, position, count, answered, values, isSaved, problem } = parts;
  const { item, order } = presented;
  const isPair = order.length > 1;
  return page({
    title: `Question ${position} of ${count}`,
    aside: progressBar(parts),
    body: html`<form method="post" action="${base}/${position}" class="item${
      item.images.length > 0 ? ' with-images' : ''
    }" data-item data-draft="${parts.draftKey}/${item.id}" data-previous="${
      position > 1 ? `${base}/${position - 1}` : ''
    }" data-next="${position < count ? `${base}/${position + 1}` : `${base}/overview`}">
      ${item.images.length > 0 ? imageColumn(base, item.images) : ''}
      <div class="work">
        <section aria-labelledby="question-title">
          <h1 id="question-title" class="label">Question</h1>
          <p class="question text" dir="auto">${item.question}</p>
          ${
            item.reference === undefined
              ? ''
              : html`<details class="reference"><summary>Reference answer</summary><p class="text" dir="auto">${item.reference}</p></details>`
          }
        </section>
        <div class="answers">${order.map((place, side) =>
          answerCard({
            letter: isPair ? (letters[side] ?? '') : '',
            text: item.answers[place] ?? '',
            name: `grade${side}`,
            keys: isPair ? (gradeKeys[side] ?? '') : firstKeys,
            chosen: values.grades[side],
          }),
        )}</div>
        ${
          isPair
            ? html`<fieldset class="ask preference"><legend>Which answer is better?</legend><div class="options">${preferenceNames.map(
                ([value, label], place) =>
                  option('preference', value, label, firstKeys[place] ?? '', values.preference),
              )}</div></fieldset>`
            : ''
        }
        <div class="comment">
          <label for="comment">Comment <span class="quiet">optional</span> <kbd>C</kbd></label>
          <textarea id="comment" name="comment" rows="2" maxlength="${maxCommentCharacters}" aria-keyshortcuts="c">${values.comment}</textarea>
        </div>
        <div class="save">
          <p id="status" role="status" class="${problem === undefined ? 'quiet' : 'problem'}">${
            problem ?? (isSaved ? 'Saved. A change is saved as your new answer.' : '')
          }</p>
          <button type="submit" class="primary" aria-keyshortcuts="Enter">Save and ${
            answered >= count - (isSaved ? 0 : 1) ? 'finish' : 'continue'
          } <kbd>Enter</kbd></button>
        </div>
      </div>
    </form>
    ${helpDialog()}`,
  });
}

function progressBar({ base, position, count, answered }: ItemPageParts): Html {
  return html`<a class="step" href="${base}/${Math.max(1, position - 1)}" rel="prev" aria-label="Previous question"${
    position === 1 ? html` aria-disabled="true" tabindex="-1"` : ''
  }>←</a>
    <p class="place">Question <strong>${position}</strong> of ${count}</p>
    <a class="step" href="${position < count ? `${base}/${position + 1}` : `${base}/overview`}" rel="next" aria-label="Next question">→</a>
    <progress max="${count}" value="${answered}" aria-label="Answered"></progress>
    <p class="quiet"><span id="answered">${answered}</span> answered</p>
    <a class="end" href="${base}/overview">Overview</a>
    <button type="button" class="plain scripted" data-help aria-keyshortcuts="?">Keys <kbd>?</kbd></button>`;
}

function imageColumn(base: string, images: readonly string[]): Html {
  return html`<div class="images">${images.map((name, place) => {
    const title = images.length > 1 ? `Image ${place + 1} of ${images.length}` : 'Image';
    const source = `${base}/images/${name}`;
    return html`<figure data-zoom>
      <div class="view" tabindex="0" role="group" aria-label="${title}: plus and minus zoom, arrows move">
        <img src="${source}" alt="${title} of this question" draggable="false">
      </div>
      <figcaption>
        <span>${title}</span>
        <span class="zoom scripted">
          <button type="button" data-by="out" aria-label="Zoom out">−</button>
          <output aria-label="Zoom">100 %</output>
          <button type="button" data-by="in" aria-label="Zoom in">+</button>
          <button type="button" data-by="fit">Whole image</button>
        </span>
        <a href="${source}" target="_blank" rel="noopener" class="end">Full size</a>
      </figcaption>
    </figure>`;
  })}</div>`;
}

type AnswerCard = {
  readonly letter: string;
  readonly text: string;
  readonly name: string;
  readonly keys: string;
  readonly chosen: Grade | undefined;
};

function answerCard({ letter, text, name, keys, chosen }: AnswerCard): Html {
  const title = letter === '' ? 'Answer' : `Answer ${letter}`;
  return html`<section class="answer" aria-labelledby="${name}-title">
    <h2 id="${name}-title" class="label">${title}</h2>
    <p class="text" dir="auto">${text}</p>
    <fieldset class="ask"><legend>How correct is ${letter === '' ? 'it' : letter}?</legend><div class="options">${grades.map(
      (value, place) => option(name, value, gradeNames[value], keys[place] ?? '', chosen),
    )}</div></fieldset>
  </section>`;
}

function option(
  name: string,
  value: string,
  label: string,
  key: string,
  chosen: string | undefined,
): Html {
  return html`<label class="option ${value}"><input type="radio" name="${name}" value="${value}" required data-key="${key.toLowerCase()}" aria-keyshortcuts="${key.toLowerCase()}"${
    chosen === value ? html` checked` : ''
  }><span>${label}</span><kbd>${key}</kbd></label>`;
}

function helpDialog(): Html {
  return html`<dialog id="help" aria-labelledby="help-title">
    <h2 id="help-title">Keys</h2>
    ${keyTable()}
    <form method="dialog"><button class="primary" autofocus>Close</button></form>
  </dialog>`;
}
