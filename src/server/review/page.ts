/** The frame of every page. All text goes through hono's `html`, which escapes it. */
import { html } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

type PageParts = {
  readonly title: string;
  /** At the right of the head. */
  readonly aside?: Html;
  readonly body: Html;
};

export function page({ title, aside, body }: PageParts): Html {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex">
    <meta name="color-scheme" content="light dark">
    <title>${title}</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/review.css">
    <script src="/review.js" defer></script>
  </head>
  <body>
    ${aside === undefined ? '' : html`<header class="bar">${aside}</header>`}
    <main id="main">${body}</main>
  </body>
</html>`;
}

export function messagePage(title: string, text: string): Html {
  return page({
    title,
    body: html`<div class="sheet"><h1>${title}</h1><p>${text}</p></div>`,
  });
}

/** Keys of the page, for people; the script knows the same. */
const keyHelp: readonly (readonly [keys: string, meaning: string])[] = [
  ['1 2 3 4', 'Which answer is better; with a single answer: how correct it is'],
  ['Q W E R', 'Answer A: correct, partly, wrong, can’t tell'],
  ['A S D F', 'Answer B: correct, partly, wrong, can’t tell'],
  ['C', 'Write a comment; Esc leaves the comment field'],
  ['Enter', 'Save and continue (in a comment: Ctrl or ⌘ with Enter)'],
  ['← →', 'Previous or next question without saving; your choices are kept in this browser'],
  ['+ − 0', 'Zoom in, zoom out, whole image; after Tab to the image, the arrow keys move it'],
  ['?', 'Show these keys'],
];

export function keyTable(): Html {
  return html`<dl class="keys">${keyHelp.map(
    ([keys, meaning]) =>
      html`<div><dt>${keys
        .split(' ')
        .map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${meaning}</dd></div>`,
  )}</dl>`;
}
