/** The fenced blocks of a Markdown page. */

export type FencedBlock = {
  /** First word after the fence, e.g. `ts`. */
  readonly language: string;
  /** Of `file=<name>` after the language: the file that the block is. */
  readonly file?: string;
  readonly text: string;
};

export function fencedBlocks(markdown: string): readonly FencedBlock[] {
  return [...markdown.matchAll(/^```(\w+)(?: file=(\S+))?\n(.*?)^```$/gms)].map(
    ([, language = '', file, text = '']) => ({ language, text, ...(file ? { file } : {}) }),
  );
}
