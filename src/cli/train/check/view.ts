/** A plan as lines for people. */
import { oneLine, quoted } from '../../../core/quoted.ts';
import { count, duration, money, percent, percentWithin } from '../../../eval/reports/wording.ts';
import type { CheckReport } from './check.ts';
import type { BaselineFacts } from './inspect-baselines.ts';
import type { ConfigFacts } from './inspect-config.ts';
import type { DataFacts } from './inspect-data.ts';
import type { HeadroomFacts } from './inspect-headroom.ts';
import type { JudgeFacts } from './inspect-judge.ts';
import type { ModelFacts } from './inspect-model.ts';
import { pastLines, type TimeFacts } from './inspect-time.ts';
import type { Share } from './right.ts';
import type { Section } from './section.ts';

export function checkLines(report: CheckReport): string[] {
  return [
    ...sectionLines('config', report.config, configLines),
    ...sectionLines('model and memory', report.model, modelLines),
    ...sectionLines('data', report.data, dataLines),
    ...sectionLines('judge and embedder', report.judge, judgeLines),
    ...sectionLines('baselines', report.baselines, baselineLines),
    ...sectionLines('headroom', report.headroom, headroomLines),
    ...sectionLines('time', report.time, timeLines),
    report.mayStart ? 'The run may start.' : 'The run may not start.',
  ];
}

function sectionLines<Facts>(
  title: string,
  { verdict, remarks, facts }: Section<Facts>,
  linesOf: (facts: Facts) => readonly string[],
): string[] {
  return [
    `${title}: ${verdict}`,
    ...(facts === null ? [] : linesOf(facts).map((line) => `  ${line}`)),
    ...remarks.map((remark) => `  ${remark.verdict}: ${remark.text}`),
    '',
  ];
}

function configLines({ config, algorithm, given, overrides, ...size }: ConfigFacts): string[] {
  const { loss } = algorithm;
  const { rollout, optimizer, iterations } = config;
  const penalty = algorithm.rewardPenalty?.coefficient ?? loss.klCoefficient;
  return [
    `preset ${config.algorithm.preset}: advantage ${algorithm.advantage}, loss ${loss.kind} ${loss.clipLow} / ${loss.clipHigh}, mean over ${loss.lossAverage}, KL ${penalty === 0 ? 'none' : penalty}, filter ${JSON.stringify(algorithm.filter)}`,
    `${rollout.promptsPerIteration} prompts × ${rollout.groupSize} = ${count(size.rolloutsPerIteration)} completions of up to ${count(rollout.maxCompletionTokens)} tokens, ${optimizer.stepsPerIteration} steps an iteration; ${count(iterations)} iterations, ${count(size.optimizerSteps)} steps`,
    `not at their defaults: ${Object.entries(given).map(givenField).join(', ')}`,
    ...(overrides.length > 0 ? [`of these on the command line: ${overrides.join(' ')}`] : []),
  ];
}

function givenField([path, value]: readonly [string, unknown]): string {
  return `${path}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

function modelLines(facts: ModelFacts): string[] {
  const { name, architecture, parameters, contextLength, plan, memoryBytes } = facts;
  return [
    `${name}: ${architecture}, ${count(parameters)} parameters, context of ${count(contextLength)} tokens`,
    ...(plan === null ? [] : [plan.setup]),
    `memory: ${plan === null ? 'does not fit' : `at most ${gibibytes(plan.peakBytes)} expected`}, ${gibibytes(memoryBytes)} may be used`,
  ];
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function dataLines(facts: DataFacts): string[] {
  const { rows, compared, validationRows, rejected, prompts, twice, modalities } = facts;
  const held =
    validationRows === null ? 'no validation set' : `${count(validationRows)} to validate`;
  const left = Object.entries(rejected).map(([cause, lost]) => `${lost} ${cause}`);
  return [
    `${count(rows)} rows to train on, ${held}; left out: ${left.join(', ') || 'none'}`,
    ...facts.rejectedExamples.map((line) => `  ${line}`),
    ...(prompts === null
      ? []
      : [
          `prompts: median ${count(prompts.tokens.median)}, 95 % up to ${count(prompts.tokens.p95)}, longest ${count(prompts.tokens.max)} tokens, of which images ${spread(prompts.imageTokens)} (of ${count(prompts.made)} prompts)`,
          ...prompts.rejectedExamples.map((line) => `  ${line}`),
        ]),
    `of ${compared < rows ? `the first ${count(compared)} rows that are drawn` : 'all rows'}: ${count(twice.images)} different images, ${count(twice.nearImages)} of them show what an earlier one shows; ${count(twice.repeated)} rows come again`,
    `modalities: ${Object.entries(modalities)
      .map(([tag, n]) => `${tag} ${n}`)
      .join(', ')}`,
    ...twice.overlaps.map(overlapLine),
    ...(facts.benchmarksAbsent.length > 0
      ? [`not compared, since their files are not here: ${facts.benchmarksAbsent.join(', ')}`]
      : []),
    ...facts.shown.flatMap(shownLines),
  ];
}

function overlapLine({ name, rows, ...found }: DataFacts['twice']['overlaps'][number]): string {
  const parts = [
    `${found.same} with question and images`,
    `${found.imageExact} by an image`,
    `${found.imageNear} by what an image shows`,
    `${found.questionExact} by the question`,
    `${found.questionNear} by a part of the question`,
  ].filter((part) => !part.startsWith('0 '));
  return `also in ${name} (${count(rows)} rows): ${parts.join(', ') || 'none'}`;
}

function spread({
  median,
  p95,
  max,
}: {
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}) {
  return `${count(median)}, ${count(p95)}, ${count(max)}`;
}

/** Longer prompts are whole in --json. */
const promptShown = 1500;

function shownLines({ id, prompt, imageTokens, reference, modality }: DataFacts['shown'][number]) {
  const images = imageTokens === null ? '' : `, ${count(imageTokens)} image tokens`;
  const tag = modality === null ? '' : `<${modality}>`;
  const answer = `row ${oneLine(id, 100)}${images}; right: ${tag}${oneLine(reference, 200)}`;
  if (prompt === null) return [answer];
  const cut = prompt.length > promptShown ? `${prompt.slice(0, promptShown)}…` : prompt;
  return [
    answer,
    ...cut
      .trimEnd()
      .split('\n')
      .map((line) => `  | ${line}`),
  ];
}

function judgeLines({
  judge,
  embedder,
  profile,
  certificate,
  latency,
  embedMs,
  run,
}: JudgeFacts): string[] {
  const figure = (value: number | null) => (value === null ? '–' : value.toFixed(2));
  return [
    `profile ${profile}, judge ${judge}, embedder ${embedder}`,
    ...(certificate === null
      ? []
      : [
          `certificate: sensitivity ${figure(certificate.sensitivity)}, specificity ${figure(certificate.specificity)}, kappa ${figure(certificate.kappa)}`,
        ]),
    ...(latency === null
      ? []
      : [
          `a verdict takes ${duration(latency.median / 1000)}, 95 % up to ${duration(latency.p95 / 1000)} (${latency.asked} asked)`,
        ]),
    ...(embedMs === null ? [] : [`an embedding takes ${duration(embedMs / 1000)}`]),
    ...(run === null ? [] : [costLine(run)]),
  ];
}

function costLine({
  rollouts,
  isMeasured,
  requests,
  tokens,
  money: spent,
}: NonNullable<JudgeFacts['run']>) {
  const amount = tokens === null ? '' : `, ${count(tokens)} tokens`;
  const price = spent === null ? '' : `, ${money(spent)} in money`;
  return `the run: ${isMeasured ? 'about' : 'at most'} ${count(requests)} requests for ${count(rollouts)} completions${amount}${price}`;
}

function baselineLines({ constant, blind, sighted }: BaselineFacts): string[] {
  const alone = constant.rows === 0 ? 0 : constant.right / constant.rows;
  return [
    `the best single answer, ${quoted(constant.answer, 100)}: right in ${percent(alone)} of ${count(constant.rows)} rows (reference-match)`,
    ...(blind === null
      ? []
      : [`without images: ${shareText(blind)} of ${count(blind.answers)} answers right`]),
    ...(sighted === null ? [] : [`the same questions with their images: ${shareText(sighted)}`]),
  ];
}

function shareText({ value, interval }: Share): string {
  return percentWithin(value, interval);
}

function headroomLines(facts: HeadroomFacts): string[] {
  const { prompts, groupSize, passAt1, passAtGroupSize, meanReward, differing } = facts;
  return [
    `${count(prompts)} prompts × ${groupSize}: right ${passAt1 === null ? '–' : shareText(passAt1)} (pass@1), one of ${groupSize} right ${passAtGroupSize === null ? '–' : shareText(passAtGroupSize)} (pass@${groupSize}); mean reward ${meanReward === null ? '–' : meanReward.toFixed(3)}`,
    `rewards differ in ${shareText(differing)} of the groups, the filter trains on ${percent(facts.trained)}: an iteration samples about ${count(Math.round(facts.drawn))} prompts`,
    `completions: ${facts.completionTokens.toFixed(0)} tokens, ${percent(facts.truncated)} cut off, ${percent(facts.unscored)} without a score`,
  ];
}

function timeLines(facts: TimeFacts): string[] {
  const { sampleSeconds, updateSeconds, iterationSeconds, validationSeconds, runSeconds } = facts;
  const validation = validationSeconds === null ? '' : `, a validation ${long(validationSeconds)}`;
  return [
    `an iteration about ${long(iterationSeconds)} (sampling ${long(sampleSeconds)}, update ${long(updateSeconds)})${validation}, the run ${long(runSeconds)}`,
    ...(facts.operations === null
      ? []
      : [`${count(Math.round(facts.operations / 1e12))} × 10^12 operations an iteration`]),
    ...pastLines(facts),
  ];
}

/** What takes days is told in days. */
function long(seconds: number): string {
  const days = seconds / 86_400;
  return days < 3 ? duration(seconds) : `${count(Math.round(days))} days`;
}
