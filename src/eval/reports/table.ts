/** Tables as data: built once, shown on a terminal, in Markdown and in HTML. */

export type Column = { readonly title: string; readonly align: 'left' | 'right' };

export type Table = {
  readonly columns: readonly Column[];
  /** Plain text, one cell a column. Not escaped: cells may hold names that others wrote. */
  readonly rows: readonly (readonly string[])[];
};

/** A part of a report. */
export type Section = {
  /** Unique in its report; the anchor of an HTML page. */
  readonly id: string;
  readonly title: string;
  /** Sentences above the table. */
  readonly text: readonly string[];
  readonly table?: Table;
};

/** Titles that begin with `>` head columns of numbers, to the right. */
export function columnsOf(...titles: readonly string[]): Column[] {
  return titles.map((title) =>
    title.startsWith('>') ? { title: title.slice(1), align: 'right' } : { title, align: 'left' },
  );
}

/** Characters of a cell that a line of text shows: one long name must not push all columns out of sight. */
const longestCell = 80;

/** Lines with columns aligned by spaces, below a ruled head. */
export function textTable({ columns, rows: given }: Table): string[] {
  const rows = given.map((row) =>
    row.map((cell) => (cell.length > longestCell ? `${cell.slice(0, longestCell - 1)}…` : cell)),
  );
  const widths = columns.map(({ title }, place) =>
    Math.max(title.length, ...rows.map((row) => (row[place] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, place) => {
        const [cell, width] = [cells[place] ?? '', widths[place] ?? 0];
        return align === 'left' ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [line(columns.map(({ title }) => title)), rule, ...rows.map(line)];
}

/** A table of GitHub-flavoured Markdown. */
export function markdownTable({ columns, rows }: Table): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownText).join(' | ')} |`;
  const rule = `|${columns.map(({ align }) => (align === 'left' ? ' --- ' : ' ---: ')).join('|')}|`;
  return [line(columns.map(({ title }) => title)), rule, ...rows.map(line)];
}

/** Headings, sentences and tables as one Markdown text. */
export function markdownReport(title: string, sections: readonly Section[]): string {
  const blocks = sections.flatMap(({ title: heading, text, table }) => [
    `## ${markdownText(heading)}`,
    ...text.map(markdownText),
    ...(table ? [markdownTable(table).join('\n')] : []),
  ]);
  return `${[`# ${markdownText(title)}`, ...blocks].join('\n\n')}\n`;
}

/** Text that Markdown shows as it is, on one line: no markup, link or HTML of others comes through. */
function markdownText(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, '\uFFFD')
    .replace(/[\\`*<>|~]|\](?=[([])/g, '\\$&');
}
