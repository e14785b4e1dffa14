import { describe, expect, it } from 'vitest';
import { shownAnswer } from './judge-prompt.ts';
import { withoutThinking } from './read-reply.ts';
import { turnMarks } from './turn-marks.ts';

const marks = turnMarks.flatMap(({ marks }) => marks);

describe('an answer that is shown to a judge', () => {
  it('holds no mark of any family, however it is wrapped', () => {
    expect(marks.length).toBeGreaterThan(150);
    for (const mark of marks) {
      for (const text of [mark, `a${mark}b`, `${mark}${mark}`, `\n\n${mark}\n`, ` ${mark} `]) {
        const shown = shownAnswer(text);
        expect(shown).not.toContain(mark);
        expect(shown.replace(/ /g, '')).toBe(text.replace(/ /g, ''));
      }
    }
  });

  it('holds no mark that comes about by breaking another', () => {
    const all = marks.join('');
    for (const mark of marks) expect(shownAnswer(all, 1e6)).not.toContain(mark);
    for (const outer of marks) {
      const nested = outer.slice(0, 1) + outer + outer.slice(1);
      for (const mark of [outer, '<think>', '◁think▷', '[INST]']) {
        expect(shownAnswer(nested)).not.toContain(mark);
      }
    }
  });

  it('holds nothing that the reader of replies would take for a thought', () => {
    for (const mark of marks) {
      const shown = shownAnswer(`${mark} left ${mark}`);
      expect(withoutThinking(shown), mark).toBe(shown.trim());
    }
  });

  it.each([
    ['<THINK>', '＜think＞', '［INST］', '<|IM_START|>', '</THINK>'],
    ['<mark_of_tomorrow>', '<|whatever|>', '[/SOMETHING]', '◁reply▷', '<｜Expert｜>'],
  ])('holds none of similar form: %s, %s, %s, %s, %s', (...similar) => {
    for (const mark of similar) expect(shownAnswer(mark)).not.toContain(mark);
  });

  it('is otherwise as it was', () => {
    const answer =
      'size < 3 cm, <5 mm, >> 2, [1, 2], p<0.05, T2/FLAIR: bright; A: none. 3 > 2 < 4; user of a stent';
    expect(shownAnswer(answer)).toBe(answer);
  });
});
