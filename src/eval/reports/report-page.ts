/**
 * The frame of a report as one page that stands alone: style and images are within, nothing is loaded, no
 * script runs. What models, data sets and judges wrote is untrusted: all text goes through hono's `html`,
 * which escapes it, and the page's content security policy forbids everything but its own style sheet and
 * data images.
 */
import { html, raw } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import { digestOfBytes } from '../../core/digest.ts';
import { readText } from '../../core/files.ts';
import { packageFile } from '../../core/package-file.ts';
import type { Section } from './table.ts';

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** A section of a page; `body` stands in place of the table or beside it. */
export type PageSection = Section & { readonly body?: Html };

export type ReportPage = {
  readonly title: string;
  /** Below the title. */
  readonly lead: readonly string[];
  /** What speaks against the figures; empty where nothing does. */
  readonly warnings: readonly string[];
  readonly sections: readonly PageSection[];
};

const styleSheet = packageFile('assets/reports/report.css');

/** Control characters but line feed and tab, and marks of writing direction, which reach beyond their text. */
const unprintable = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu;

/** The whole document. */
export async function renderPage({ title, lead, warnings, sections }: ReportPage): Promise<string> {
  const style = await readText(styleSheet);
  const digest = digestOfBytes(style, 'base64');
  const policy = `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'`;
  const page = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${raw(style)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${lead.map((line) => html`<p>${line}</p>`)}
${warnings.length === 0 ? '' : warningList(warnings)}
<nav aria-label="Sections"><ul>${sections.map(
    ({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`,
  )}</ul></nav>
</header>
<main>
${sections.map(renderSection)}
</main>
<footer><p>Made by MediX. For research; not for clinical use.</p></footer>
</body>
</html>
`;
  return String(page).replace(unprintable, '\uFFFD');
}

/**
 * Text of others as it stands, with its line ends and in its own writing direction.
 *
 * @param most characters that are shown
 */
export function foreignText(text: string, most: number): Html {
  const characters = [...text];
  const shown = characters.slice(0, most).join('');
  const left = characters.length - most;
  const rest =
    left > 0
      ? html` <span class="quiet">… ${left.toLocaleString('en')} more characters</span>`
      : '';
  return html`<div class="text" dir="auto">${shown}${rest}</div>`;
}

function warningList(warnings: readonly string[]): Html {
  return html`<ul class="warnings" aria-label="Warnings">${warnings.map((one) => html`<li>${one}</li>`)}</ul>`;
}

function renderSection({ id, title, text, table, body }: PageSection): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${text.map((line) => html`<p>${line}</p>`)}
${body ?? ''}
${table === undefined ? '' : renderTable(title, table)}
</section>
`;
}

/** Wide tables scroll on their own, by keyboard too. */
function renderTable(title: string, { columns, rows }: NonNullable<Section['table']>): Html {
  const head = columns.map(
    (column) => html`<th scope="col" class="${column.align}">${column.title}</th>`,
  );
  const lines = rows.map(
    ([first = '', ...cells]) =>
      html`<tr><th scope="row">${first}</th>${cells.map(
        (cell, place) => html`<td class="${columns[place + 1]?.align ?? 'left'}">${cell}</td>`,
      )}</tr>
`,
  );
  return html`<div class="scroll" role="region" aria-label="${title} (table)" tabindex="0">
<table>
<thead><tr>${head}</tr></thead>
<tbody>
${lines}</tbody>
</table>
</div>`;
}
