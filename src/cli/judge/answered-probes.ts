/** What a judge has answered so far, kept beside the certificate's path until the certificate is written. */
import { z } from 'zod';
import { failureCauses, type Unscored } from '../../core/outcome.ts';
import { ledgerSummarySchema } from '../../core/usage.ts';
import type { Ledger } from '../../http/ledger.ts';
import type { TrialRecord } from '../../judge/certificate/trials.ts';
import type { JudgeDescription, JudgeOutcome } from '../../judge/judge.ts';
import { openGrowingFile } from '../../reward/offline/growing-file.ts';

const count = z.int().nonnegative();

const lineSchema = z.object({
  round: z.int().positive(),
  probe: count,
  outcome: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('judged'),
      correct: z.boolean(),
      reply: z.string(),
      latencyMs: z.number(),
      tokens: z.object({ prompt: count, completion: count }).optional(),
      margin: z.number().optional(),
      source: z.enum(['model', 'rule', 'memory']),
    }),
    z.object({ kind: z.literal('unscored'), cause: z.enum(failureCauses), message: z.string() }),
  ]),
  /** What had been used by then, so that a cap also counts earlier calls. */
  usage: ledgerSummarySchema,
});

/** The judge did answer, though not with a verdict; whatever else failed is asked again. */
const answered: ReadonlySet<Unscored['cause']> = new Set(['unparsable', 'policy-blocked']);

export type AnsweredProbes = TrialRecord & {
  /** Leaves the answers for the next call of the same command. */
  close(): Promise<void>;
  /** Deletes them. */
  discard(): Promise<void>;
};

/**
 * Opens the answers that an earlier call left, or starts anew.
 *
 * @param out path of the certificate
 * @param probes digests of the labelled answers
 * @param ledger takes over what earlier calls used
 * @throws MedixError 'run' where they are of another judge or other labelled answers and `force` is not set
 */
export async function openAnsweredProbes(
  out: string,
  { digest }: JudgeDescription,
  probes: Readonly<Record<string, string>>,
  ledger: Ledger,
  force: boolean,
): Promise<AnsweredProbes> {
  const known = new Map<string, JudgeOutcome>();
  let usage = ledger.summary();
  const file = await openGrowingFile({
    path: out,
    origin: { judge: digest, ...probes },
    force,
    accept: (line) => {
      const parsed = readLine(line);
      if (parsed === undefined) return false;
      known.set(keyOf(parsed.round, parsed.probe), outcomeOf(parsed.outcome));
      usage = parsed.usage;
      return true;
    },
  });
  if (known.size > 0) ledger.merge(usage);
  let isOpen = true;
  return {
    outcomeOf: (round, probe) => known.get(keyOf(round, probe)),
    add: async (round, probe, outcome) => {
      const isAnswer = outcome.kind === 'judged' || answered.has(outcome.cause);
      // A judge that was not waited for may still answer.
      if (!isAnswer || !isOpen) return;
      await file.append([JSON.stringify({ round, probe, outcome, usage: ledger.summary() })]);
    },
    close: async () => {
      isOpen = false;
      await file.close();
    },
    discard: async () => {
      isOpen = false;
      await file.discard();
    },
  };
}

function keyOf(round: number, probe: number): string {
  return `${round}/${probe}`;
}

function readLine(line: string): z.output<typeof lineSchema> | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** As the judge gave it: without the keys that it left out. */
function outcomeOf(stored: z.output<typeof lineSchema>['outcome']): JudgeOutcome {
  if (stored.kind === 'unscored') return stored;
  const { tokens, margin, ...outcome } = stored;
  return {
    ...outcome,
    ...(tokens === undefined ? {} : { tokens }),
    ...(margin === undefined ? {} : { margin }),
  };
}
