/** What a job tells by its log, see assets/launch/medix_job.py. */
import { z } from 'zod';

const step = z.int().nonnegative();

const jobRecord = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('begun') }),
  z.looseObject({ kind: z.literal('ended'), code: z.int() }),
  z.object({
    kind: z.literal('metrics'),
    step,
    values: z.record(z.string(), z.number().nullable()),
  }),
  z.object({ kind: z.literal('checkpoint'), step, path: z.string() }),
  z.object({
    kind: z.literal('rollout'),
    step,
    response: z.string(),
    ground_truth: z.string(),
    question: z.string().optional(),
    accepted: z.array(z.string()).optional(),
    rubric: z.array(z.object({ criterion: z.string(), points: z.number() })).optional(),
    sample: z.string().nullish(),
    split: z.string().nullish(),
    tokens: z.int().nonnegative(),
    result: z.looseObject({
      kind: z.enum(['scored', 'unscored']),
      reward: z.number().nullish(),
      components: z.record(z.string(), z.unknown()).default({}),
    }),
  }),
]);
export type JobRecord = z.output<typeof jobRecord>;

/** A line of a job's log: a record, a record that cannot be read, or what the trainer printed. */
export type LogLine =
  | { readonly kind: 'record'; readonly record: JobRecord }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'text'; readonly text: string };

const mark = 'MEDIX ';

export function readLogLine(line: string): LogLine {
  if (!line.startsWith(`${mark}{`)) return { kind: 'text', text: line };
  try {
    const record = jobRecord.safeParse(JSON.parse(line.slice(mark.length)));
    return record.success ? { kind: 'record', record: record.data } : { kind: 'malformed' };
  } catch {
    return { kind: 'malformed' };
  }
}

/** Whole lines of a text that grows; what was given before is not given again. */
export function growingLines(): (text: string) => string[] {
  let taken = 0;
  return (text) => {
    // A log that begins anew, as after a restart of the head.
    if (text.length < taken) taken = 0;
    const end = text.lastIndexOf('\n') + 1;
    if (end <= taken) return [];
    const lines = text.slice(taken, end).split('\n');
    lines.pop();
    taken = end;
    return lines;
  };
}
