import { expect, it } from 'vitest';
import type { Probe } from '../../judge/certificate/probes.ts';
import type { Trial } from '../../judge/certificate/trials.ts';
import { describeMistakes } from './certificate-view.ts';

function trial(probe: Partial<Probe>, verdict: boolean, reply = verdict ? 'YES' : 'NO'): Trial {
  return {
    probe: {
      id: 'x',
      category: 'own',
      question: 'Which lung?',
      reference: 'Left',
      answer: 'Right',
      correct: false,
      ...probe,
    },
    outcomes: [{ kind: 'judged', correct: verdict, reply, latencyMs: 1, source: 'model' }],
  };
}

it('shows mistakes of every category, wrong answers that passed before right ones refused', () => {
  const lines = describeMistakes([
    trial({ id: 'fine' }, false),
    trial({ id: 'a1', correct: true }, false),
    trial({ id: 'a2' }, true),
    trial({ id: 'a3' }, true),
    trial({ id: 'b1', category: 'other', correct: true }, false),
  ]);
  expect(lines[1]).toBe('4 mistakes, among them:');
  expect(lines.slice(2).map((line) => /^ {2}(\w+): (.*?):/.exec(line)?.slice(1))).toEqual([
    ['a2', 'passed although wrong'],
    ['b1', 'refused although right'],
    ['a3', 'passed although wrong'],
    ['a1', 'refused although right'],
  ]);
});

it('has nothing to show of a judge without mistakes', () => {
  expect(describeMistakes([trial({}, false)])).toEqual([]);
});

it("keeps a judge's words on their line, cut, without what a terminal would act on", () => {
  const answer = `line\u001b[2J\n${'long '.repeat(40)}`;
  const [, , line] = describeMistakes([trial({ answer }, true, '\u001b]0;title\u0007 YES')]);
  expect(line).toContain('"line\\u001b[2J\\nlong long');
  expect(line).toMatch(/…/);
  expect(line).not.toMatch(/\p{Cc}/u);
});
