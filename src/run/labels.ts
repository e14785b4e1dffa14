/**
 * `labels.jsonl`, beside a run or an evaluation: what people said about single answers. Appended only; of several lines
 * about one key the last one counts. A line holds all that a judge is asked, so that labels need no other file.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { storing } from './durable.ts';
import { JsonLinesWriter, readJsonLines } from './json-lines.ts';

const labelLineSchema = z.object({
  at: z.iso.datetime(),
  /** Key of a rollout, or `<task>/<sampleId>` of an evaluation. */
  key: z.string(),
  /** Null takes an earlier mark away. */
  label: z.enum(['right', 'wrong', 'judge-wrong']).nullable(),
  note: z.string(),
  question: z.string(),
  reference: z.string(),
  accepted: z.array(z.string()),
  answer: z.string(),
  /** What the judge said; null where it gave no verdict. */
  judgedRight: z.boolean().nullable(),
});
export type LabelLine = z.infer<typeof labelLineSchema>;

function labelsFile(folder: string): string {
  return join(folder, 'labels.jsonl');
}

/** The labels that count, by key; empty where there are none. */
export async function readLabels(folder: string): Promise<Map<string, LabelLine>> {
  const lines = await readJsonLines(
    labelsFile(folder),
    (value) => labelLineSchema.safeParse(value).data,
  );
  return new Map(lines.map((line) => [line.key, line]));
}

/** @throws MedixError 'run' where it cannot be written */
export async function appendLabel(folder: string, line: LabelLine): Promise<void> {
  const path = labelsFile(folder);
  await storing(path, async () => {
    const writer = await JsonLinesWriter.open(path);
    try {
      await writer.append(line);
      await writer.flush();
    } finally {
      await writer.close();
    }
  });
}

/** Whether the answer is right by its label; undefined where the label does not say. */
export function isRightBy({ label, judgedRight }: LabelLine): boolean | undefined {
  if (label === 'right') return true;
  if (label === 'wrong') return false;
  return label === 'judge-wrong' && judgedRight !== null ? !judgedRight : undefined;
}
