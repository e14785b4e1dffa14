/**
 * The blocks `<name>…</name>` of a response, found in one pass. A pattern such as `<answer>(.*?)</answer>`
 * would take quadratic time on a response that opens thousands of blocks and closes none.
 */

type Block = {
  readonly content: string;
  readonly start: number;
  /** After the closing tag. */
  readonly end: number;
};

/** The first block at or after `from`: from the first opening tag to the first closing tag behind it. */
function blockAfter(text: string, name: string, from: number): Block | undefined {
  const open = `<${name}>`;
  const close = `</${name}>`;
  const start = text.indexOf(open, from);
  if (start < 0) return undefined;
  const contentEnd = text.indexOf(close, start + open.length);
  if (contentEnd < 0) return undefined;
  const content = text.slice(start + open.length, contentEnd);
  return { content, start, end: contentEnd + close.length };
}

/** Contents of all blocks in order; blocks do not nest. */
export function blockContents(text: string, name: string): string[] {
  const contents: string[] = [];
  let block = blockAfter(text, name, 0);
  while (block) {
    contents.push(block.content);
    block = blockAfter(text, name, block.end);
  }
  return contents;
}

/** The content of the first block. */
export function firstBlockContent(text: string, name: string): string | undefined {
  return blockAfter(text, name, 0)?.content;
}

/** The text between the blocks. */
export function withoutBlocks(text: string, name: string): string {
  let rest = '';
  let from = 0;
  let block = blockAfter(text, name, 0);
  while (block) {
    rest += text.slice(from, block.start);
    from = block.end;
    block = blockAfter(text, name, from);
  }
  return rest + text.slice(from);
}
