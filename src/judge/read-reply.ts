/**
 * What a model's reply says beside its thinking. Verdicts of rewards, grades of evaluations and answers under
 * test are all read here, so that one reply is read one way. It knows nothing about what was asked.
 */
import type { z } from 'zod';

type Marks = { readonly open: string; readonly close: string };

/**
 * How models mark their thinking, by family; regular expressions. A mark of one family inside a thought of
 * another is part of that thought. Sources: the reasoning parsers of vLLM 0.26 and SGLang, the chat handlers
 * of llama.cpp and the chat templates of the models named.
 */
const families: readonly Marks[] = [
  // DeepSeek-R1, Qwen3, QwQ, GLM-4.5, MiniMax-M2, Nemotron, Phi-4-reasoning (think); MediX-R1, Claude prompts
  // (thinking); EXAONE Deep, Gemini's compatible interface (thought); Seed-OSS; LongCat-Flash; MiniMax.
  tagged('think|thinking|thoughts?|seed:think|longcat_think|mm:think'),
  // LLaVA-CoT, TRL's and Open WebUI's usual names.
  tagged('reason|reasoning|scratchpad'),
  // Reflection-70B.
  tagged('reflection'),
  // Magistral, Ministral (Mistral).
  { open: '\\[THINK\\]', close: '\\[/THINK\\]' },
  // Kimi-VL-Thinking, Kimi K2 Thinking.
  { open: '◁think▷', close: '◁/think▷' },
  // Sky-T1, OpenThoughts.
  { open: '<\\|begin_of_thought\\|>', close: '<\\|end_of_thought\\|>' },
  // Command A Reasoning (Cohere).
  { open: '<\\|START_THINKING\\|>', close: '<\\|END_THINKING\\|>' },
  // Apertus.
  { open: '<\\|inner_prefix\\|>', close: '<\\|inner_suffix\\|>' },
  // MedGemma 1.5, which takes two unused tokens.
  { open: '<unused94>(?:thought\\b)?', close: '<unused95>' },
  // Gemma 4.
  { open: '<\\|channel>\\s*(?:thought|analysis)\\b', close: '<channel\\|>' },
  // gpt-oss (harmony): only the channel "final" is spoken.
  {
    open: '<\\|channel\\|>\\s*(?:analysis|commentary)\\b[^<]*(?:<\\|constrain\\|>[^<]*)?<\\|message\\|>',
    close:
      '(?:<\\|end\\|>\\s*)?(?:<\\|start\\|>assistant\\s*)?<\\|channel\\|>\\s*final\\b[^<]*(?:<\\|constrain\\|>[^<]*)?<\\|message\\|>',
  },
  // The same where the server dropped the special tokens: "analysisThe user asks…assistantfinalYES".
  {
    open: '^\\s*analysis(?=[A-Z]|(?:(?!assistantfinal)[^])*assistantfinal)',
    close: 'assistantfinal',
  },
  // s1.
  { open: '<\\|im_start\\|>think\\b', close: '<\\|im_start\\|>answer\\b' },
  // Granite 3.2 (IBM).
  {
    open: "^\\s*Here(?:'s| is) my thought process:",
    close: "Here(?:'s| is) my response:",
  },
  // Apriel (ServiceNow).
  {
    open: '^\\s*Here are my reasoning steps:',
    close: '\\[BEGIN FINAL RESPONSE\\]',
  },
  // Ollama's command line.
  { open: '^\\s*Thinking\\.\\.\\.\\s*\\n', close: '\\.\\.\\.done thinking\\.' },
];

function tagged(names: string): Marks {
  // Without the flag i, since other families are told by their capitals.
  const anyCase = names.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
  return { open: `<(?:${anyCase})>`, close: `</(?:${anyCase})>` };
}

const anyMark = new RegExp(
  families.map(({ open, close }) => `(${open})|(${close})`).join('|'),
  'g',
);

/** Marks around a turn that some servers leave in it. */
const frames = [
  '<|return|>',
  '<|end|>',
  '<|im_end|>',
  '<|eot_id|>',
  '<|endoftext|>',
  '<|begin_of_solution|>',
  '<|end_of_solution|>',
  '<|START_RESPONSE|>',
  '<|END_RESPONSE|>',
  '<end_of_turn>',
  '<turn|>',
  '<eos>',
  '</s>',
  '[END FINAL RESPONSE]',
];

/** Trimmed, without the marks around a turn. */
export function unframed(text: string): string {
  let rest = text.trim();
  for (;;) {
    const before = frames.find((frame) => rest.startsWith(frame));
    const after = frames.find((frame) => rest.endsWith(frame));
    if (before !== undefined) rest = rest.slice(before.length).trimStart();
    else if (after !== undefined) rest = rest.slice(0, -after.length).trimEnd();
    else return rest;
  }
}

/**
 * The text outside of thoughts, trimmed. Where a thought was opened before the text began, as some chat
 * templates do, all before its end is thinking. Undefined where a thought does not end.
 */
export function withoutThinking(text: string): string | undefined {
  let spoken = '';
  let from = 0;
  let within: number | undefined;
  let isMarked = false;
  for (const match of text.matchAll(anyMark)) {
    const group = match.findIndex((found, index) => index > 0 && found !== undefined) - 1;
    const family = group >> 1;
    isMarked = true;
    if (group % 2 === 0) {
      if (within !== undefined) continue;
      spoken += text.slice(from, match.index);
      within = family;
      continue;
    }
    if (within !== undefined && within !== family) continue;
    if (within === undefined) spoken = '';
    within = undefined;
    from = match.index + match[0].length;
  }
  if (within !== undefined) return undefined;
  const all = spoken + text.slice(from);
  return isMarked ? unframed(all) : all.trim();
}

/**
 * The object of a shape that a reply gives as JSON: alone, in a fence of code or in prose. Undefined where
 * there is none, where a thought does not end, and where two objects of the shape differ.
 */
export function readObject<T>(reply: string, shape: z.ZodType<T>): T | undefined {
  const found = jsonObjectsIn(withoutThinking(reply) ?? '').flatMap((value) => {
    const { data } = shape.safeParse(value);
    return data === undefined ? [] : [data];
  });
  const [first, ...others] = found;
  const text = JSON.stringify(first);
  return others.every((other) => JSON.stringify(other) === text) ? first : undefined;
}

/** Places at which an object is looked for: more than any reply has, and few enough for a hostile one. */
const mostStarts = 100;

/** All objects that stand in the text as JSON, not those within others. */
export function jsonObjectsIn(text: string): unknown[] {
  const objects: unknown[] = [];
  let start = text.indexOf('{');
  for (let tried = 0; start >= 0 && tried < mostStarts; tried++) {
    const end = endOfObject(text, start);
    const parsed = end === undefined ? undefined : parseJson(text.slice(start, end));
    if (parsed !== undefined) objects.push(parsed.value);
    const next = parsed === undefined || end === undefined ? start + 1 : end;
    start = text.indexOf('{', next);
  }
  return objects;
}

/** After the brace that closes the one at `start`; braces in strings are text. */
function endOfObject(text: string, start: number): number | undefined {
  const tokens = /"(?:[^"\\]|\\.)*"|[{}]/gs;
  tokens.lastIndex = start;
  let depth = 0;
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    if (token[0] === '{') depth++;
    if (token[0] === '}' && --depth === 0) return tokens.lastIndex;
  }
  return undefined;
}

function parseJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
