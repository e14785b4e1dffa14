/** `medix judge certify`: how often a judge is right on labelled answers. */
import { dirname } from 'node:path';
import { readSecrets } from '../../config/environment.ts';
import { isChatJudge, type RewardJudgeConfig, withJudges } from '../../config/judge-config.ts';
import { type CertifyConfig, certifyConfigSchema } from '../../config/judge-trial-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { orAborted } from '../../core/async/or-aborted.ts';
import { fail } from '../../core/errors.ts';
import { makeFolder } from '../../core/make-folder.ts';
import { openEmbedder } from '../../embed/open-embedder.ts';
import { openEvaluationJudge } from '../../eval/judging/evaluation-judge.ts';
import type { Ledger } from '../../http/ledger.ts';
import type { Certificate } from '../../judge/certificate/certificate.ts';
import { type CertifyOptions, certifyJudge } from '../../judge/certificate/certify.ts';
import { readLabelledFile, readShippedProbes } from '../../judge/certificate/probes.ts';
import { rubricJudgeOf } from '../../judge/certificate/rubric-judge.ts';
import { createJudgeLedger, openRewardJudge } from '../../judge/open-panel.ts';
import { contradiction } from '../../reward/components/contradiction.ts';
import { asProfileAsks } from '../../reward/open-reward.ts';
import { openRewardProfile, type RewardProfile } from '../../reward/profile.ts';
import { storing } from '../../run/durable.ts';
import { packageVersion } from '../../run/run-facts.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { fieldsHelp, formatConfig, readConfigArguments } from '../config-arguments.ts';
import { requireWritable, writeOut } from '../out-file.ts';
import { type AnsweredProbes, openAnsweredProbes } from './answered-probes.ts';
import { describeCertificate, describeMistakes } from './certificate-view.ts';
import { createTrialView, describeUnreadable } from './trial-view.ts';

export const setUpJudgeCertify: SetUpCommand = (command, context) => {
  command
    .argument('[config...]', 'config file and key=value changes')
    .option('--force', 'replace an existing certificate', false)
    .addHelpText('after', fieldsHelp(certifyConfigSchema, notes))
    .action(async (words: string[], { force }: { force: boolean }) => {
      const { config } = await readConfigArguments(certifyConfigSchema, words);
      await certify(config, force, context);
    });
};

const notes = [
  'Answers are kept as they come: after Ctrl-C or a crash the same command asks only what has no answer yet.',
  'The judge is asked without its cache, so every verdict is a new one. Training and evaluation read the',
  'certificate named by judge.certificate.path, and warn or refuse to start if it misses a threshold there.',
];

async function certify(
  config: CertifyConfig,
  force: boolean,
  { terminal, signal, clock }: CommandContext,
): Promise<void> {
  const { embedder: embedderConfig, judge } = config;
  const secrets = readSecrets({ judge, embedder: embedderConfig ?? { kind: 'local' } });
  await requireWritable(config.out, force);
  const folder = dirname(config.out);
  await storing(`out ${config.out}`, () => makeFolder(folder), 'correct the path');
  const profile = await openRewardProfile(config.profile);
  const shipped = await readShippedProbes();
  const own = config.probes === null ? undefined : await readLabelledFile(config.probes);
  terminal.print(formatConfig(config));

  const ledger = createJudgeLedger(judge);
  const view = createTrialView(terminal, isChatJudge(judge) ? judge.maxTokens : null);
  let answered: AnsweredProbes | undefined;
  const embedder =
    embedderConfig === null
      ? undefined
      : await openEmbedder(embedderConfig, contextOf(secrets.embedderApiKey, ledger));
  try {
    const { certificate, trials } = await certifyJudge(
      async () => {
        const { judgeApiKeys: apiKeys = [] } = secrets;
        if (config.evaluation === null) {
          const asked = { ...contextOf(undefined, ledger), apiKeys };
          const opened = await openRewardJudge(withoutCache(asProfileAsks(judge, profile)), asked);
          return config.rubric ? rubricJudgeOf(opened) : opened;
        }
        if (config.rubric) refuseRubric();
        if (judge.kind === 'panel') return refusePanel();
        const asked = contextOf(apiKeys[0], ledger);
        return openEvaluationJudge(withoutCache(judge), config.evaluation, asked);
      },
      {
        shipped,
        ...(own ? { own } : {}),
        repeats: config.repeats,
        ...(embedder ? { similarity: { embedder, ...similarityRule(profile) } } : {}),
        ledger,
        medix: await packageVersion(),
        clock,
        signal,
        openRecord: async (opened) => {
          const labels = { shipped: shipped.digest, own: own?.digest ?? 'none' };
          answered = await openAnsweredProbes(config.out, opened, labels, ledger, force);
          return answered;
        },
        onProgress: view,
      },
    );
    for (const line of describeCertificate(certificate)) terminal.print(line);
    for (const line of describeMistakes(trials)) terminal.print(line);
    for (const line of describeUnreadable(trials)) terminal.print(line);
    requireVerdicts(certificate);
    await writeOut(config.out, (append) => append(`${JSON.stringify(certificate, null, 2)}\n`));
    await answered?.discard();
    answered = undefined;
    terminal.print(`\nthe certificate is in ${config.out}`);
    if (judge.kind !== 'reference-match') {
      const place = config.evaluation === null ? 'reward.judge' : 'judging.judges[i]';
      terminal.print(`to use it, set ${place}.certificate.path=${config.out}`);
    }
  } finally {
    await answered?.close();
    // An encoder that is still at work may take long to close.
    if (embedder) await orAborted(embedder.close(), signal);
  }
}

/** A certificate of a judge that gave no verdict would attest nothing. */
function requireVerdicts({ judge, overall }: Certificate): void {
  if (overall.coverage.value > 0) return;
  const causes = Object.entries(overall.unscored).map(([cause, count]) => `${count} ${cause}`);
  fail('judge', {
    where: `judge ${judge.id}`,
    expected: 'verdicts on the labelled answers',
    got: `none: ${causes.join(', ')}`,
    next: 'correct the judge section of the config; no certificate is written',
  });
}

function withoutCache<Judge extends RewardJudgeConfig>(judge: Judge): Judge {
  return withJudges(judge, (one) => (isChatJudge(one) ? { ...one, cache: null } : one)) as Judge;
}

function refuseRubric(): never {
  return fail('config', {
    where: 'rubric',
    expected: 'false, since an evaluation marks no rubrics of rewards',
    got: 'true',
    next: 'set rubric to false, or evaluation to null',
  });
}

function refusePanel(): never {
  return fail('config', {
    where: 'judge.kind',
    expected: 'one judge, since an evaluation asks and corrects the judges of its list one by one',
    got: 'panel',
    next: 'certify each judge of the panel by itself, or set evaluation to null',
  });
}

/** Seed of the random jitter between retries, the only thing drawn at random. */
const seed = 1;

function contextOf(apiKey: string | undefined, ledger: Ledger) {
  return { ...(apiKey === undefined ? {} : { apiKey }), seed, clock: systemClock, ledger };
}

/** How a profile's similarity reward reads a cosine, as right or wrong. */
function similarityRule({
  name,
  similarity,
  contradiction: minds,
}: RewardProfile): Omit<NonNullable<CertifyOptions['similarity']>, 'embedder'> {
  if (similarity.kind === 'threshold') {
    return { threshold: similarity.at, findConflict: minds ? contradiction : () => undefined };
  }
  return fail('config', {
    where: `reward profile ${name}`,
    expected: 'similarity with a threshold, to compare its verdicts with those of the judge',
    got: 'similarity without a threshold',
    next: 'name another profile, or set embedder to null',
  });
}
