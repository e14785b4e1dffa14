import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { jsonObjectsIn, readObject, unframed, withoutThinking } from './read-reply.ts';

/** A reply of each family that thinks `NO` and says `YES`. */
const families: Readonly<Record<string, readonly string[]>> = {
  'DeepSeek-R1, Qwen3': ['<think>NO</think>\n\nYES', 'NO\n</think>\n\nYES', '<THINK>NO</THINK>YES'],
  'MediX-R1': ['<thinking>NO</thinking>YES', 'NO</thinking>YES'],
  'EXAONE Deep': ['<thought>\nNO\n</thought>\n\nYES'],
  'TRL, Open WebUI': ['<reasoning>NO</reasoning>YES', '<reason>NO</reason>YES'],
  'Reflection-70B': ['<thinking>N<reflection>N</reflection>O</thinking>YES'],
  Magistral: ['[THINK]NO[/THINK]YES'],
  'Kimi-VL': ['◁think▷NO◁/think▷YES'],
  'Seed-OSS': ['<seed:think>NO</seed:think>YES'],
  'LongCat-Flash': ['NO\n</longcat_think>\nYES'],
  'Sky-T1': [
    '<|begin_of_thought|>\n\nNO\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\nYES\n\n<|end_of_solution|>',
  ],
  'Command A': ['<|START_THINKING|>NO<|END_THINKING|><|START_RESPONSE|>YES<|END_RESPONSE|>'],
  Apertus: ['<|inner_prefix|>NO<|inner_suffix|>YES'],
  'MedGemma 1.5': ['<unused94>thought\nNO<unused95>YES'],
  'Gemma 4': ['<|channel>thought\nNO<channel|>YES<turn|>'],
  'gpt-oss': [
    '<|channel|>analysis<|message|>NO<|end|><|start|>assistant<|channel|>final<|message|>YES<|return|>',
    '<|channel|>analysis<|message|>N<|end|><|start|>assistant<|channel|>commentary<|message|>O<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>YES',
    '<|channel|>final<|message|>YES',
    'analysisThe answer is wrong: NO.assistantfinalYES',
    'analysis of it: NOassistantfinalYES',
  ],
  s1: ['<|im_start|>think\nNO\n<|im_start|>answer\nYES<|im_end|>'],
  'Granite 3.2': ['Here is my thought process: NO. Here is my response: YES'],
  Apriel: [
    'Here are my reasoning steps:\nNO\n[BEGIN FINAL RESPONSE]\nYES\n[END FINAL RESPONSE]<|end|>',
  ],
  Ollama: ['Thinking...\nNO\n...done thinking.\n\nYES'],
  'a thought that speaks of other marks': [
    '<think>I may write <think> or </reasoning> here: NO</think>YES',
    '[THINK]NO</think>NO[/THINK]YES',
  ],
};

describe('a reply without its thinking', () => {
  it.each(
    Object.entries(families).flatMap(([family, replies]) =>
      replies.map((reply) => [family, reply] as const),
    ),
  )('of %s: %j', (_, reply) => {
    expect(withoutThinking(reply)).toBe('YES');
  });

  it.each([
    '<think>YES',
    '<think>YES</thinking',
    '<thinking>done</thinking><think>but wait: YES',
    '<thinking><reflection>NO</reflection>YES',
    '[THINK]YES',
    '<unused94>thought\nYES',
    '<|channel|>analysis<|message|>YES<|end|>',
    'analysisThe user asks whether YES',
    'Here are my reasoning steps:\nYES',
  ])('is undefined where a thought does not end: %j', (reply) => {
    expect(withoutThinking(reply)).toBeUndefined();
  });

  it.each([
    'analysis of the finding shows a cyst',
    'A nodule <5 mm [THINKING of cancer]',
    'I think so; Here is my response to that: yes',
  ])('is the reply where nothing marks a thought: %j', (reply) => {
    expect(withoutThinking(reply)?.slice(-3)).toBe(reply.slice(-3));
  });

  it('keeps what is said between and before thoughts', () => {
    expect(withoutThinking('<think>a</think>no <think>b</think>lung')).toBe('no lung');
  });

  it('is found in long hostile text without delay', () => {
    expect(withoutThinking('<think>'.repeat(50_000))).toBeUndefined();
    expect(withoutThinking('</think>'.repeat(50_000))).toBe('');
    expect(withoutThinking(`a${' '.repeat(200_000)}b`)).toHaveLength(200_002);
    expect(unframed('</s>'.repeat(50_000))).toBe('');
    expect(jsonObjectsIn('{'.repeat(100_000))).toEqual([]);
  });
});

describe('the object in a reply', () => {
  const shape = z.strictObject({ correct: z.boolean() });

  it.each([
    ['{"correct": true}', true],
    ['```json\n{"correct": true}\n```', true],
    ['```\n{"correct": false}\n```\nSince the side is wrong.', false],
    ['The set {A, B} is right, so:\n\n{"correct": true}', true],
    ['{"correct": true}\n{"correct": true}', true],
    ['It reads {"dose": 5}, so {"correct": false}.', false],
    ['{"why": "a brace } in a string", "correct": 1} {"correct": true}', true],
    ['<think>{"correct": false}</think>```json\n{"correct": true}\n```', true],
  ])('of %j says %s', (reply, correct) => {
    expect(readObject(reply, shape)).toEqual({ correct });
  });

  it.each([
    'YES',
    '{"correct": "true"}',
    '{"correct": true, "sure": 1}',
    '{"correct": true',
    'He writes {"correct": true}, but {"correct": false}',
    '<think>{"correct": true}',
    '{"verdict": {"correct": true}}',
  ])('is not guessed from %j', (reply) => {
    expect(readObject(reply, shape)).toBeUndefined();
  });
});
