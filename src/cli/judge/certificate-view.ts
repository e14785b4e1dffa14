/** A judge's certificate as lines for people. */
import type { Certificate } from '../../judge/certificate/certificate.ts';
import { type Figures, type Rate, verdictOf } from '../../judge/certificate/figures.ts';
import type { Trial } from '../../judge/certificate/trials.ts';
import { printableJson } from '../printable.ts';
import { formatTable } from '../table.ts';

/** A table of figures by category, and a summary in words. */
export function describeCertificate(certificate: Certificate): string[] {
  const { judge, overall, categories, similarity, latencyMs } = certificate;
  const rows = [...Object.entries(categories), ['all', overall] as const];
  return [
    '',
    `judge ${judge.id} (${judge.kind}, digest ${judge.digest.slice(0, 12)})`,
    ...formatTable(
      ['category', 'n', 'sensitivity', 'specificity', 'kappa', 'unscored', 'flips'],
      rows.map(([category, figures]) => [category, ...cellsOf(figures)]),
    ),
    'Brackets hold 95 % intervals. Sensitivity: share of right answers passed; specificity: share of wrong answers refused.',
    '',
    ...summarise(certificate),
    ...(similarity === null ? [] : [describeSimilarity(similarity)]),
    ...(latencyMs === null
      ? []
      : [
          `latency: median ${latencyMs.median.toFixed(0)} ms, 90 % within ${latencyMs.p90.toFixed(0)} ms, 99 % within ${latencyMs.p99.toFixed(0)} ms`,
        ]),
    ...describeUsage(certificate.usage),
  ];
}

const shownMistakes = 12;

/**
 * Where the judge failed its labels, spread over the categories: of each, wrong answers that passed come
 * first, since a policy learns to give them.
 */
export function describeMistakes(trials: readonly Trial[]): string[] {
  const mistaken = trials.filter((trial) => {
    const verdict = verdictOf(trial);
    return verdict !== undefined && verdict !== trial.probe.correct;
  });
  if (mistaken.length === 0) return [];
  const ordered = [
    ...mistaken.filter(({ probe }) => !probe.correct),
    ...mistaken.filter(({ probe }) => probe.correct),
  ];
  const counts = new Map<string, number>();
  const ranked = ordered.map((trial) => {
    const rank = counts.get(trial.probe.category) ?? 0;
    counts.set(trial.probe.category, rank + 1);
    return { trial, rank };
  });
  const shown = ranked.sort((a, b) => a.rank - b.rank).slice(0, shownMistakes);
  return [
    '',
    `${mistaken.length} mistakes, among them:`,
    ...shown.map(({ trial }) => describeMistake(trial)),
  ];
}

function cellsOf(figures: Figures): string[] {
  const { probes, sensitivity, specificity, kappa, unscored, flips } = figures;
  const failed = Object.values(unscored).reduce((sum, count) => sum + count, 0);
  return [
    String(probes),
    formatRate(sensitivity),
    formatRate(specificity),
    kappa === null ? '–' : decimal(kappa.value),
    String(failed),
    flips === null ? '–' : String(Math.round(flips.value * flips.of)),
  ];
}

function formatRate(rate: Rate | null): string {
  if (rate === null) return '–';
  return formatRange(rate);
}

type Figure = { readonly value: number; readonly low: number; readonly high: number };

function formatRange({ value, low, high }: Figure): string {
  return `${decimal(value)} [${decimal(low)}, ${decimal(high)}]`;
}

/** Two digits; rounding to zero leaves no sign. */
function decimal(value: number): string {
  return (Math.round(value * 100) / 100 + 0).toFixed(2);
}

function summarise({ overall, categories }: Certificate): string[] {
  const { kappa, sensitivity, specificity, coverage, unscored, abstention, flips } = overall;
  const lines: string[] = [];
  if (sensitivity !== null && specificity !== null && kappa !== null) {
    const passed = percent(1 - specificity.value);
    const refused = percent(1 - sensitivity.value);
    lines.push(
      `agreement with the labels is ${grade(kappa)} (kappa ${formatRange(kappa)}): it passes ${passed} of the wrong answers and refuses ${refused} of the right answers`,
    );
    lines.push(...weakest(categories));
  } else {
    lines.push('too few verdicts to tell how good it is');
  }
  if (coverage.value < 1) {
    const causes = Object.entries(unscored).map(([cause, count]) => `${count} ${cause}`);
    lines.push(`without a verdict: ${percent(1 - coverage.value)} (${causes.join(', ')})`);
  }
  if (abstention !== null && abstention.value > 0) {
    lines.push(`replies that held no verdict: ${percent(abstention.value)}`);
  }
  if (flips !== null) {
    lines.push(`verdicts that changed when it was asked again: ${percent(flips.value)}`);
  }
  return lines;
}

/** In the words of Altman 1991 ("Practical Statistics for Medical Research"). */
function grade({ value, low }: Figure): string {
  // As shown, so that rounding errors of a judge that always says the same do not count.
  if (Math.round(low * 100) <= 0) return 'not better than chance';
  if (value < 0.2) return 'poor';
  if (value < 0.4) return 'fair';
  if (value < 0.6) return 'moderate';
  return value < 0.8 ? 'good' : 'very good';
}

/** The category where most wrong answers pass. */
function weakest(categories: Certificate['categories']): string[] {
  const [worst] = Object.entries(categories)
    .flatMap(([category, { specificity }]) =>
      specificity === null ? [] : [{ category, passed: 1 - specificity.value }],
    )
    .sort((a, b) => b.passed - a.passed);
  if (worst === undefined || worst.passed === 0) return [];
  return [`weakest: ${percent(worst.passed)} of the wrong answers of "${worst.category}" pass`];
}

function describeSimilarity({
  embedder,
  threshold,
  agreement,
  kappa,
}: NonNullable<Certificate['similarity']>): string {
  const rule = `${embedder.id} at cosine ${threshold}`;
  if (agreement === null)
    return `not compared with ${rule}: no answer has both a verdict and a similarity`;
  const beyondChance = kappa === null ? '' : ` (kappa ${decimal(kappa.value)})`;
  return `agrees with ${rule} on ${percent(agreement.value)}${beyondChance}`;
}

function describeUsage(usage: Certificate['usage']): string[] {
  return Object.entries(usage ?? {}).map(([use, sums]) => {
    const money = sums.money === null ? '' : `, ${sums.money.toPrecision(3)} in money`;
    const tokens = `${sums.inputTokens} input and ${sums.outputTokens} output tokens`;
    return `${use}: ${sums.requests} requests, ${tokens}${money}`;
  });
}

function describeMistake({ probe, outcomes }: Trial): string {
  const { id, reference, answer, correct } = probe;
  const first = outcomes[0];
  const reply = first?.kind === 'judged' && first.source === 'model' ? first.reply : undefined;
  const said = reply === undefined ? '' : `, judge: ${quoted(reply)}`;
  const verdict = correct ? 'refused although right' : 'passed although wrong';
  return `  ${id}: ${verdict}: ${quoted(answer)} for ${quoted(reference)}${said}`;
}

const shownCharacters = 70;

/** Untrusted text on one line. */
function quoted(text: string): string {
  const characters = [...text];
  const cut = characters.slice(0, shownCharacters).join('');
  return `${printableJson(cut)}${characters.length > shownCharacters ? '…' : ''}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
