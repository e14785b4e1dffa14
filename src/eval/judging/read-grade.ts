/** How a judge's reply becomes a score. What cannot be read is a failure, never a guess. */
import { z } from 'zod';
import type { ChatRequest } from '../../chat/chat-model.ts';
import { readObject } from '../../judge/read-reply.ts';
import { afterThinking } from './answer-of.ts';

/** A way of asking for a score and of reading it. */
export type GradeForm = {
  /** Names the reading; raised with every change of it, and part of every key under which grades are kept. */
  readonly version: string;
  /** What a good reply is, for messages. */
  readonly expected: string;
  /** What the reply is held to where the model can be held to a schema. */
  readonly schema?: NonNullable<ChatRequest['schema']>;
  /** In [0, 1]; undefined where the reply is none of what was asked for. */
  read(reply: string): number | undefined;
};

const highestGrade = 5;
const criteria = ['accuracy', 'completeness', 'relevance'] as const;

const correctness = z.strictObject({ correct: z.boolean() });
const grade = z.int().min(0).max(highestGrade);
const rubric = z.strictObject({ accuracy: grade, completeness: grade, relevance: grade });

/** Right is 1, wrong is 0. */
export const correctForm: GradeForm = {
  version: 'correct-1',
  expected: '{"correct": boolean} alone',
  schema: {
    name: 'verdict',
    json: objectSchema({ correct: { type: 'boolean' } }),
  },
  read: (reply) => {
    const parsed = readObject(reply, correctness);
    return parsed && Number(parsed.correct);
  },
};

/** The mean of three grades from 0 to 5, as a share of 5. */
export const rubricForm: GradeForm = {
  version: 'rubric-1',
  expected: '{"accuracy": 0 to 5, "completeness": 0 to 5, "relevance": 0 to 5} alone',
  schema: {
    name: 'grades',
    json: objectSchema(
      Object.fromEntries(
        criteria.map((name) => [name, { type: 'integer', minimum: 0, maximum: highestGrade }]),
      ),
    ),
  },
  read: (reply) => {
    const grades = readObject(reply, rubric);
    if (grades === undefined) return undefined;
    const sum = criteria.reduce((total, name) => total + grades[name], 0);
    return sum / (criteria.length * highestGrade);
  },
};

/**
 * The paper's reading of right and wrong: a score that equals 1 is right, anything else wrong. So the
 * text "1" and NaN are wrong, and `true`, which Python takes for 1, is right.
 */
export const referenceScoreForm: GradeForm = {
  version: 'reference-score-2',
  expected: '{"score": …}',
  read: (reply) => {
    const score = readPaperScore(reply);
    return score && Number(score.value === 1 || score.value === true);
  },
};

/** The paper's score from 0 to 5, as a share of 5. Unlike there, a score out of range is no score. */
export const referenceReportForm: GradeForm = {
  version: 'reference-report-2',
  expected: '{"score": 0 to 5}',
  read: (reply) => {
    const value = readPaperScore(reply)?.value;
    const number = typeof value === 'boolean' ? Number(value) : value;
    const score = z.number().min(0).max(highestGrade).safeParse(number).data;
    return score === undefined ? undefined : score / highestGrade;
  },
};

/**
 * What stands under `score` in the text from the first brace to the last, after the last thought as the
 * paper cuts it: a thought that does not end is read, and what stands before one is not.
 */
function readPaperScore(reply: string): { readonly value: unknown } | undefined {
  const text = afterThinking(reply);
  const object = parsePythonJson(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  if (typeof object !== 'object' || object === null || !('score' in object)) return undefined;
  return { value: object.score };
}

/** Python's `json.loads` also takes NaN and infinities: here null, as neither equals any score. */
function parsePythonJson(text: string): unknown {
  const standard = text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/gs, (token) =>
    token.startsWith('"') ? token : 'null',
  );
  try {
    return JSON.parse(standard);
  } catch {
    return undefined;
  }
}

function objectSchema(properties: Readonly<Record<string, unknown>>) {
  const required = Object.keys(properties);
  return { type: 'object', properties, required, additionalProperties: false };
}
