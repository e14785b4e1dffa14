/** The record of how well a judge did on labelled answers, as it is stored and read back. */
import { z } from 'zod';
import { digestOf } from '../../core/digest.ts';
import { fail } from '../../core/errors.ts';
import { readText } from '../../core/files.ts';
import { readingAs } from '../../core/reading.ts';
import { ledgerSummarySchema } from '../../core/usage.ts';
import { figuresSchema, kappaSchema, rateSchema } from './figures.ts';

const digestField = z.string().regex(/^[0-9a-f]{64}$/);
const packSchema = z.object({ probes: z.int().positive(), digest: digestField });

/** What the certificate attests; its digest covers this, but neither date nor latency. */
const findingsSchema = z.object({
  /** Raised when a reader must tell certificates apart. */
  version: z.literal(1),
  /** Version of MediX that certified. */
  medix: z.string(),
  judge: z.object({ id: z.string(), kind: z.string(), digest: digestField }),
  /** Pack that MediX ships. */
  shipped: packSchema,
  /** The user's labelled file. */
  own: packSchema.nullable(),
  /** Rounds in which every probe was asked. */
  repeats: z.int().positive(),
  overall: figuresSchema,
  categories: z.record(z.string(), figuresSchema),
  /** Agreement with an embedder's cosine at a threshold, which shares none of the judge's weaknesses. */
  similarity: z
    .object({
      embedder: z.object({ id: z.string(), kind: z.string(), digest: digestField }),
      threshold: z.number(),
      /** Share of equal verdicts over the probes that both scored. */
      agreement: rateSchema.nullable(),
      kappa: kappaSchema.nullable(),
      /** Probes that the embedder failed on, by cause. */
      unscored: z.record(z.string(), z.int().positive()),
    })
    .nullable(),
  /** Requests, tokens and money of judge and embedder; null where nobody counted. */
  usage: ledgerSummarySchema.nullable(),
});
export type Findings = z.infer<typeof findingsSchema>;

export const certificateSchema = findingsSchema.extend({
  createdAt: z.iso.datetime(),
  /** Quantiles over the verdicts that a model gave, retries excluded; null where no model was asked. */
  latencyMs: z.object({ median: z.number(), p90: z.number(), p99: z.number() }).nullable(),
  digest: digestField,
});
export type Certificate = z.infer<typeof certificateSchema>;

/** Hexadecimal SHA-256 of what a certificate attests. */
export function digestOfFindings(findings: Findings): string {
  // Parsing drops all else and puts the keys in the schema's order.
  return digestOf(findingsSchema.parse(findings));
}

/**
 * @throws MedixError 'judge' where there is no file, or it holds no certificate, or one that was changed
 *   after it was written.
 * @example
 * ```ts
 * const { overall } = await readCertificate('judge-certificate.json');
 * console.log(overall.sensitivity?.value, overall.specificity?.value);
 * ```
 */
export async function readCertificate(path: string): Promise<Certificate> {
  const where = `certificate ${path}`;
  const expected = 'a certificate written by medix judge certify';
  const next =
    'correct judge.certificate.path, or certify the judge again with `medix judge certify`';
  const content: unknown = await readingAs(
    { boundary: 'judge', where, expected, next },
    () => readText(path),
    (text) => JSON.parse(text),
  );
  const parsed = certificateSchema.safeParse(content);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const got = `another content (${issue?.path.join('.')}: ${issue?.message})`;
    return fail('judge', { where, expected, got, next });
  }
  if (digestOfFindings(parsed.data) !== parsed.data.digest) {
    fail('judge', {
      where,
      expected,
      got: 'a certificate that was changed after it was written',
      next,
    });
  }
  return parsed.data;
}
