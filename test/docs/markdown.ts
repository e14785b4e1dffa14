/** Markdown as the checks of the documents see it: spans of code, links, fenced blocks and anchors. */

/** Something a document says that is not so. */
export type Problem = { readonly line: number; readonly message: string };

/** Code between backticks. */
export type Span = {
  readonly line: number;
  readonly text: string;
  /** Number of the paragraph, list item, heading or table row it stands in. */
  readonly block: number;
};

type Link = { readonly line: number; readonly target: string };

/** A block between lines of three backticks. */
export type Fence = {
  /** Of its first line of content. */
  readonly line: number;
  readonly language: string;
  /** Of `file=<name>` after the language: the file that the block is. */
  readonly name: string | undefined;
  readonly text: string;
  /** Text of the heading it stands under. */
  readonly heading: string;
};

export type Document = {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly spans: readonly Span[];
  readonly links: readonly Link[];
  readonly fences: readonly Fence[];
  /** Cells of the rows of tables. */
  readonly rows: readonly (readonly string[])[];
  readonly anchors: ReadonlySet<string>;
};

type Block = { readonly line: number; readonly text: string };

export function parseMarkdown(file: string, text: string): Document {
  const { fences, prose } = takeFences(text.split('\n'));
  const blocks = blocksOf(prose);
  const headings = blocks.flatMap((block) => {
    const [, heading] = /^#+ (.*)$/.exec(block.text) ?? [];
    return heading === undefined ? [] : [{ line: block.line, text: heading }];
  });
  return {
    file,
    spans: blocks.flatMap((block, number) =>
      matches(block, /(`+)([^`](?:[\s\S]*?[^`])?)\1(?!`)/g).map(({ line, groups }) => ({
        line,
        text: (groups[1] ?? '').replaceAll('\n', ' ').trim(),
        block: number,
      })),
    ),
    links: blocks.flatMap((block) =>
      matches(block, /\[[^\]]*\]\(([^)\s]+)\)/g).map(({ line, groups }) => ({
        line,
        target: groups[0] ?? '',
      })),
    ),
    fences: fences.map((fence) => ({
      ...fence,
      heading: headings.findLast(({ line }) => line < fence.line)?.text ?? '',
    })),
    rows: prose.filter((line) => line.startsWith('|')).map((line) => line.split('|').slice(1, -1)),
    anchors: new Set(headings.map((heading) => anchorOf(heading.text))),
  };
}

/** Fenced blocks, and all other lines with empty ones in the blocks' places. */
function takeFences(lines: readonly string[]) {
  const fences: Omit<Fence, 'heading'>[] = [];
  const prose = [...lines];
  for (let i = 0; i < lines.length; i++) {
    const [, marks, language = '', name] =
      /^\s*(`{3,})(\w*)(?: file=(\S+))?/.exec(lines[i] ?? '') ?? [];
    if (marks === undefined) continue;
    const closing = lines.findIndex((line, j) => j > i && line.trim() === marks);
    const end = closing < 0 ? lines.length : closing;
    fences.push({ line: i + 2, language, name, text: lines.slice(i + 1, end).join('\n') });
    prose.fill('', i, end + 1);
    i = end;
  }
  return { fences, prose };
}

/** A table row, a list item and a heading are blocks of their own; so are lines between empty ones. */
function blocksOf(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let isOpen = false;
  lines.forEach((text, i) => {
    const last = blocks.at(-1);
    const isStart = /^(\s*([-*]|\d+\.)\s|#+ |\|)/.test(text);
    if (text.trim() === '') isOpen = false;
    else if (isOpen && last && !isStart)
      blocks.splice(-1, 1, { ...last, text: `${last.text}\n${text}` });
    else isOpen = blocks.push({ line: i + 1, text }) > 0;
  });
  return blocks;
}

function matches({ line, text }: Block, pattern: RegExp) {
  return [...text.matchAll(pattern)].map((match) => ({
    line: line + text.slice(0, match.index).split('\n').length - 1,
    groups: match.slice(1),
  }));
}

/** As GitHub makes them: lower case, hyphens for spaces, no punctuation. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}
