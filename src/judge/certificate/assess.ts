/** Whether a judge may be relied on, by its certificate. */
import {
  judgesOf,
  type RewardJudgeConfig,
  type SingleJudgeConfig,
} from '../../config/judge-config.ts';
import { MedixError } from '../../core/errors.ts';
import type { JudgeDescription } from '../judge.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { relatedJudges, sameFamily } from './families.ts';

/** Least figures over all probes; figures themselves are compared, not the ends of their intervals. */
export type Thresholds = {
  /** In [0, 1]: share of right answers passed. */
  readonly minSensitivity: number;
  /** In [0, 1]: share of wrong answers refused. */
  readonly minSpecificity: number;
  /** In [-1, 1]: agreement beyond chance. */
  readonly minKappa: number;
};

export type Assessment =
  | { readonly kind: 'fit' }
  /** At least one reason, each a clause for people. */
  | { readonly kind: 'unfit'; readonly reasons: readonly string[] };

/** A certificate attests one digest: another model, prompt or way of reading verdicts needs another. */
export function assessCertificate(
  certificate: Certificate | undefined,
  judge: JudgeDescription,
  thresholds: Thresholds,
): Assessment {
  if (certificate === undefined) return unfit(['it has no certificate']);
  if (certificate.judge.digest !== judge.digest) {
    return unfit([
      `its certificate is of another judge (${certificate.judge.id}, digest ${short(certificate.judge.digest)}; this one is ${short(judge.digest)}): model, prompt and way of reading verdicts must be the same`,
    ]);
  }
  const { sensitivity, specificity, kappa } = certificate.overall;
  const reasons = [
    shortfall('sensitivity', sensitivity, thresholds.minSensitivity),
    shortfall('specificity', specificity, thresholds.minSpecificity),
    shortfall('kappa', kappa, thresholds.minKappa),
  ].filter((reason) => reason !== undefined);
  return reasons.length === 0 ? { kind: 'fit' } : unfit(reasons);
}

/** What a judge is asked for. */
export type AskedFor = { readonly verdicts: boolean; readonly rubrics: boolean };

export type VettedJudge = {
  /** The one that attests its verdicts, else the first; absent where the config names none. */
  readonly certificate?: Certificate;
  /** What to tell the user before any work; empty for a judge that is fit. */
  readonly warnings: readonly string[];
};

/**
 * What training and evaluation make of a judge before they rely on it: reads the certificate that its
 * config names and assesses it. A rule (`reference-match`) needs none.
 * @param modelNames All that may tell the family of the model whose answers are judged: id, path,
 *   `architectures` of its config.json.
 * @param asked Each needs a certificate. @default verdicts alone
 * @throws MedixError 'judge' when the certificate cannot be read, or the judge is unfit and its config
 *   refuses such judges.
 */
export async function vetJudge(
  config: RewardJudgeConfig,
  judge: JudgeDescription,
  modelNames: readonly string[],
  asked: AskedFor = { verdicts: true, rubrics: false },
): Promise<VettedJudge> {
  if (config.kind === 'reference-match') return { warnings: [] };
  const { path, below, ...thresholds } = config.certificate;
  const certificates = await Promise.all([path ?? []].flat().map(readCertificate));
  const reasonsFor = (digest: string) => {
    const certificate = attesting(certificates, digest);
    const assessment = assessCertificate(certificate, { ...judge, digest }, thresholds);
    return assessment.kind === 'fit' ? [] : assessment.reasons;
  };
  const marks = asked.rubrics ? reasonsFor(judge.rubricDigest ?? 'none') : [];
  const reasons = [
    ...(asked.verdicts ? reasonsFor(judge.digest) : []),
    ...marks.map((reason) => `as a marker of rubrics ${reason}`),
  ];
  const command = `medix judge certify${marks.length > 0 ? ' rubric=true' : ''}`;
  const next = `certify it with \`${command}\` and set judge.certificate.path to the file`;
  const certificate = attesting(certificates, judge.digest);
  if (below === 'refuse' && reasons.length > 0) {
    throw new MedixError(
      'judge',
      reasons.map((reason) => ({
        where: `judge ${judge.id}`,
        expected: 'a certified judge that meets the thresholds of judge.certificate',
        got: reason,
        next: `${next}, use a better judge, or set judge.certificate.below to warn`,
      })),
    );
  }
  const warnings = reasons.map((reason) => `judge ${judge.id} may be unfit: ${reason}; ${next}`);
  warnings.push(...relatedJudges(judgesOf(config).map(nameOf)));
  const family = sameFamily(judge.id, ...modelNames);
  if (family !== undefined) {
    warnings.push(
      `judge ${judge.id} and the model it judges are both of the ${family} family, and judges favour models of their own family; use a judge of another family`,
    );
  }
  return { ...(certificate ? { certificate } : {}), warnings };
}

/** What tells the family of a judge of a panel. */
function nameOf(config: SingleJudgeConfig): string {
  switch (config.kind) {
    case 'openai':
      return config.model;
    case 'gguf':
      return config.path;
    case 'module':
      return config.module;
    case 'reference-match':
      return config.kind;
  }
}

function attesting(certificates: readonly Certificate[], digest: string): Certificate | undefined {
  return certificates.find((one) => one.judge.digest === digest) ?? certificates[0];
}

function unfit(reasons: readonly string[]): Assessment {
  return { kind: 'unfit', reasons };
}

function shortfall(
  name: string,
  figure: { readonly value: number; readonly low: number; readonly high: number } | null,
  least: number,
): string | undefined {
  if (figure === null) return `its ${name} could not be measured`;
  if (figure.value >= least) return undefined;
  const { value, low, high } = figure;
  return `its ${name} is ${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}), below ${least}`;
}

function short(digest: string): string {
  return digest.slice(0, 12);
}
