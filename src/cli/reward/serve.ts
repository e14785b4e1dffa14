/** `medix reward serve`: the reward as a web service for other trainers. */
import { pino } from 'pino';
import { readRewardToken, readSecrets } from '../../config/environment.ts';
import {
  type RewardServiceConfig,
  rewardServiceSchema,
} from '../../config/reward-service-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { openReward, requireReachable } from '../../reward/open-reward.ts';
import { packageVersion } from '../../run/run-facts.ts';
import { requireToken } from '../../server/reward/access.ts';
import { Intake } from '../../server/reward/intake.ts';
import { openJournal } from '../../server/reward/journal.ts';
import { createRewardApp } from '../../server/reward/reward-app.ts';
import { serveRewards } from '../../server/reward/serve.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { fieldsHelp, formatConfig, readConfigArguments } from '../config-arguments.ts';
import { printableLog } from '../printable.ts';

export const setUpRewardServe: SetUpCommand = (command, context) => {
  command
    .argument('[config...]', 'config file and key=value changes')
    .addHelpText('after', fieldsHelp(rewardServiceSchema))
    .action(async (words: string[]) => {
      const { config } = await readConfigArguments(rewardServiceSchema, words);
      await serveReward(config, context);
    });
};

/** Seed of the random jitter between retries, the only thing drawn at random here. */
const seed = 1;

async function serveReward(config: RewardServiceConfig, context: CommandContext): Promise<void> {
  const { terminal, signal, clock: wallClock } = context;
  const { host, port, limits } = config;
  const token = readRewardToken();
  requireToken(host, token);
  const secrets = readSecrets(config.reward);
  terminal.print(formatConfig(config));

  const log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line) => void process.stderr.write(printableLog(line)) },
  );
  const opened = await openReward(config.reward, { secrets, seed, clock: systemClock });
  try {
    await requireReachable(opened, signal);
    const journal = config.journal === null ? undefined : await openJournal(config.journal);
    const intake = new Intake(limits.itemsInWork);
    const app = createRewardApp({
      profile: opened.reward.profile,
      judge: opened.judge,
      embedder: opened.embedder,
      own: opened.own,
      seesImages: opened.seesImages,
      ledger: () => opened.ledger.summary(),
      intake,
      ...(journal === undefined ? {} : { journal }),
      host,
      ...(token === undefined ? {} : { token }),
      maxBodyBytes: limits.bodyBytes,
      maxItems: limits.items,
      clock: systemClock,
      wallClock,
      onRefused: ({ route, status, error }) =>
        status >= 500
          ? log.error({ route, status, ...(error === undefined ? {} : { err: error }) }, 'failed')
          : log.warn({ route, status }, 'refused'),
      version: await packageVersion(),
    });
    try {
      const onListening = (url: string) => terminal.print(`rewards are given at ${url}`);
      const cancelled = await serveRewards(
        { app, intake, host, port, drainMs: limits.drainMs, clock: systemClock, onListening },
        signal,
      );
      terminal.print(`the service has ended; open requests that were cancelled: ${cancelled}`);
    } finally {
      await journal?.close();
    }
  } finally {
    await opened.close();
  }
}
