import { describe, expect, it } from 'vitest';
import { readVerdict } from '../../judge/verdict.ts';
import { correctForm, referenceReportForm, referenceScoreForm, rubricForm } from './read-grade.ts';

describe('reading right or wrong', () => {
  it.each([
    ['{"correct": true}', 1],
    [' {"correct":false}\n', 0],
    ['<think>{"correct": false}?</think>{"correct": true}', 1],
    ['```json\n{"correct": true}\n```', 1],
    ['It is {"correct": true}', 1],
    ['{"correct": "true"}', undefined],
    ['{"correct": true, "sure": false}', undefined],
    ['{"correct": true} {"correct": false}', undefined],
    ['<think>{"correct": true}', undefined],
    ['YES', undefined],
    ['', undefined],
  ])('takes %j for %s', (reply, score) => {
    expect(correctForm.read(reply)).toBe(score);
  });
});

describe('rewards and evaluations', () => {
  it.each([
    '{"correct": true}',
    '```json\n{"correct": true}\n```',
    'Sure.\n```\n{"correct": false}\n```\nDone.',
    '<think>{"correct": false}</think>{"correct": true}',
    '<thinking>hm</thinking> {"correct": true}',
    '◁think▷hm◁/think▷{"correct": false}',
    '[THINK]{"correct": true}[/THINK]{"correct": false}',
    '<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>{"correct": true}<|return|>',
    '<unused94>thought\nhm<unused95>{"correct": true}',
    '<think>{"correct": true}',
    '{"correct": true} {"correct": false}',
    '{"correct": "true"}',
    '{"correct": true, "sure": 1}',
    'YES',
    '',
  ])('read %j alike', (text) => {
    const reply = { kind: 'replied', text, stopReason: 'stop', latencyMs: 1 } as const;
    const verdict = readVerdict(reply, 'json');
    const grade = correctForm.read(text);
    expect(verdict.kind === 'verdict' ? Number(verdict.correct) : undefined).toBe(grade);
  });
});

describe('reading a rubric', () => {
  it.each([
    ['{"accuracy": 5, "completeness": 5, "relevance": 5}', 1],
    ['{"accuracy": 3, "completeness": 2, "relevance": 4}', 0.6],
    ['{"accuracy": 0, "completeness": 0, "relevance": 0}', 0],
    ['{"accuracy": 6, "completeness": 5, "relevance": 5}', undefined],
    ['{"accuracy": 4.5, "completeness": 5, "relevance": 5}', undefined],
    ['{"accuracy": 5, "completeness": 5}', undefined],
  ])('takes %j for %s', (reply, score) => {
    expect(rubricForm.read(reply)).toBe(score);
  });
});

describe("reading the paper's score", () => {
  it.each([
    ['Sure: {"score": 1} as asked', 1],
    ['{"score": 1.0}', 1],
    ['{"score": true}', 1],
    ['{"score": 0}', 0],
    ['{"score": "1"}', 0],
    ['{"score": 2}', 0],
    ['{"score": null}', 0],
    ['{"score": NaN}', 0],
    ['{"score": -Infinity, "why": "NaN"}', 0],
    ['<think>{"score": 0}</think>{"score": 1}', 1],
    ['<think>{"score": 0}</think>{"score": 0}</thinking>{"score": 1}', undefined],
    ['<thinking>{"score": 0}</thinking>{"score": 1}', 1],
    ['<think>I would say {"score": 1}', 1],
    ['{"score": 1}<think>Is that right?</think>', undefined],
    ['{"score": 1} or {"score": 0}', undefined],
    ['{"grade": 1}', undefined],
    ['[1]', undefined],
    ['right', undefined],
  ])('takes %j for %s', (reply, score) => {
    expect(referenceScoreForm.read(reply)).toBe(score);
  });

  it.each([
    ['{"score": 4}', 0.8],
    ['{"score": 2.5}', 0.5],
    ['{"score": true}', 0.2],
    ['{"score": false}', 0],
    ['{"score": NaN}', undefined],
    ['{"score": "4"}', undefined],
    ['{"score": 7}', undefined],
  ])('takes %j of a report for %s', (reply, score) => {
    expect(referenceReportForm.read(reply)).toBe(score);
  });
});
