/** `medix judge calibrate`: the cosine from which an encoder's similarity counts. */
import { readSecrets } from '../../config/environment.ts';
import { type CalibrateConfig, calibrateConfigSchema } from '../../config/judge-trial-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { fail } from '../../core/errors.ts';
import { rngFromKey } from '../../core/rng.ts';
import type { Embedder } from '../../embed/embedder.ts';
import { openEmbedder } from '../../embed/open-embedder.ts';
import { createLedger } from '../../http/ledger.ts';
import {
  type Calibration,
  calibrateThreshold,
  type LabelledCosine,
  strictSpecificity,
  type ThresholdChoice,
} from '../../judge/certificate/calibrate.ts';
import { type Probe, readLabelledFile, readShippedProbes } from '../../judge/certificate/probes.ts';
import { type Similarity, similaritiesOf } from '../../judge/certificate/similarity.ts';
import { contradiction } from '../../reward/components/contradiction.ts';
import { openRewardProfile } from '../../reward/profile.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { fieldsHelp, formatConfig, readConfigArguments } from '../config-arguments.ts';
import { formatTable } from '../table.ts';

export const setUpJudgeCalibrate: SetUpCommand = (command, context) => {
  command
    .argument('[config...]', 'config file and key=value changes')
    .addHelpText('after', fieldsHelp(calibrateConfigSchema))
    .action(async (words: string[]) => {
      const { config } = await readConfigArguments(calibrateConfigSchema, words);
      await calibrate(config, context);
    });
};

/** Seed of the bootstrap draws and of the random jitter between retries. */
const seed = 1;

async function calibrate(
  config: CalibrateConfig,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const { embedderApiKey } = readSecrets({
    judge: { kind: 'reference-match' },
    embedder: config.embedder,
  });
  const profile = await openRewardProfile(config.profile);
  const { probes } =
    config.probes === null ? await readShippedProbes() : await readLabelledFile(config.probes);
  terminal.print(formatConfig(config));

  const embedder = await openEmbedder(config.embedder, {
    ...(embedderApiKey === undefined ? {} : { apiKey: embedderApiKey }),
    seed,
    clock: systemClock,
    ledger: createLedger(),
  });
  try {
    await requireReady(embedder, signal);
    const findConflict = profile.contradiction ? contradiction : () => undefined;
    const similarities = await similaritiesOf(probes, embedder, findConflict, signal);
    signal.throwIfAborted();
    const pairs = labelledCosines(probes, similarities);
    requireBothLabels(pairs, config.probes ?? 'the shipped probes');
    const calibration = calibrateThreshold(pairs, rngFromKey(`calibrate/${seed}`));
    const failed = probes.length - pairs.length;
    if (failed > 0) terminal.print(`left out ${failed} answers that could not be embedded`);
    for (const line of describeCalibration(embedder.describe.id, calibration)) terminal.print(line);
  } finally {
    await embedder.close();
  }
}

async function requireReady(embedder: Embedder, signal: AbortSignal): Promise<void> {
  const reason = await embedder.probe(signal);
  signal.throwIfAborted();
  if (reason === undefined) return;
  fail('judge', {
    where: `embedder ${embedder.describe.id}`,
    expected: 'an embedder that can be asked',
    got: `${reason.cause}: ${reason.message}`,
    next: 'start the server or correct the embedder section of the config',
  });
}

function labelledCosines(
  probes: readonly Probe[],
  similarities: readonly Similarity[],
): LabelledCosine[] {
  return probes.flatMap(({ question, reference, correct }, index) => {
    const found = similarities[index];
    if (found?.kind !== 'compared') return [];
    return [{ question: `${question}\n${reference}`, correct, cosine: found.cosine }];
  });
}

function requireBothLabels(pairs: readonly LabelledCosine[], where: string): void {
  const right = pairs.filter(({ correct }) => correct).length;
  if (right > 0 && right < pairs.length) return;
  fail('data', {
    where,
    expected: 'at least one right and one wrong answer that can be embedded',
    got: `${right} right and ${pairs.length - right} wrong answers`,
    next: 'add labelled answers of the missing kind',
  });
}

/**
 * Below it, a wrong answer has a higher cosine than a right one in more than a quarter of the comparisons.
 */
const usefulAuc = 0.75;

function describeCalibration(id: string, calibration: Calibration): string[] {
  const { right, wrong, auc, youden, strict, bestF1 } = calibration;
  const choices: (readonly [string, ThresholdChoice | undefined])[] = [
    ['Youden', youden],
    [`specificity of ${strictSpecificity}`, strict],
    ['F1', bestF1],
  ];
  const { low, high } = auc.interval;
  return [
    '',
    `embedder ${id} on ${right} right and ${wrong} wrong answers`,
    `ROC AUC ${auc.value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}] (0.5 is chance)`,
    ...formatTable(
      ['best by', 'threshold', 'sensitivity', 'specificity', 'F1'],
      choices.map(([name, choice]) => [name, ...cellsOf(choice)]),
    ),
    'Brackets hold 95 % bootstrap intervals over questions.',
    ...(auc.interval.low < usefulAuc
      ? ['This embedder hardly tells right from wrong answers: give similarity little weight.']
      : []),
    '',
    'to use one of these thresholds, copy its line into a reward profile:',
    ...choices.flatMap(([name, choice]) =>
      choice === undefined
        ? []
        : [`similarity: {kind: threshold, at: ${choice.at}} # best by ${name}`],
    ),
  ];
}

function cellsOf(choice: ThresholdChoice | undefined): string[] {
  if (choice === undefined) return ['no threshold reaches it', '–', '–', '–'];
  const { at, interval, sensitivity, specificity, f1 } = choice;
  return [
    `${at.toFixed(4)} [${interval.low.toFixed(4)}, ${interval.high.toFixed(4)}]`,
    sensitivity.toFixed(3),
    specificity.toFixed(3),
    f1.toFixed(3),
  ];
}
