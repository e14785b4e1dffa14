/**
 * A response on the terminal while it grows: each part of the output format begins a line with its name
 * (`modality: …`, `thinking: …`, `answer: …`), text outside of them is called `text`. Lines that continue a
 * part are indented, so no text of a model can pass for a part of its own.
 */
import { modalities } from '../../core/modality.ts';
import type { Terminal } from '../terminal.ts';

export type ResponseView = {
  /** Shows further text of the response. */
  add(text: string): void;
  /** Shows what was held back and ends the line. */
  end(): void;
};

type Part = 'thinking' | 'answer' | 'text';

const opens: Readonly<Record<string, Part>> = { '<thinking>': 'thinking', '<answer>': 'answer' };
const closes = ['</thinking>', '</answer>'];
const modalityTags = modalities.map((modality) => `<${modality}>`);
const tags = [...modalityTags, ...Object.keys(opens), ...closes];
const tagPattern = new RegExp(`(${tags.join('|')})`);

export function createResponseView(terminal: Terminal): ResponseView {
  let part: Part = 'text';
  let hasLine = false;
  let hasBegun = false;
  /** The end of the text, as long as it may become a tag, or white space that ends its part. */
  let held = '';

  const begin = (label: string) => {
    if (hasLine) terminal.write('\n');
    terminal.writeBold(`${label}:`);
    terminal.write(' ');
    hasLine = true;
  };
  const show = (text: string) => {
    if (text === '') return;
    if (!hasBegun) begin(part);
    const shown = hasBegun ? text : text.trimStart();
    hasBegun = true;
    terminal.write(shown.replaceAll('\n', '\n  '));
  };
  const enter = (tag: string) => {
    part = opens[tag] ?? 'text';
    hasBegun = false;
    if (!modalityTags.includes(tag)) return;
    begin('modality');
    terminal.write(tag.slice(1, -1));
  };
  /** Within thinking and answer a modality's tag is text like any other. */
  const isTag = (piece: string) =>
    tags.includes(piece) && (part === 'text' || !modalityTags.includes(piece));

  return {
    add: (text) => {
      let open = '';
      for (const piece of (held + text).split(tagPattern)) {
        if (isTag(piece)) {
          show(open.trimEnd());
          open = '';
          enter(piece);
        } else {
          open += piece;
        }
      }
      const settled = settledLength(open);
      show(open.slice(0, settled));
      held = open.slice(settled);
    },
    end: () => {
      show(held.trimEnd());
      if (hasLine) terminal.write('\n');
    },
  };
}

/** Up to where no further text can change what the text means. */
function settledLength(text: string): number {
  const start = text.lastIndexOf('<');
  const last = start < 0 ? '' : text.slice(start);
  const mayBecomeTag = last !== '' && tags.some((tag) => tag !== last && tag.startsWith(last));
  return (mayBecomeTag ? text.slice(0, start) : text).trimEnd().length;
}
