/** `medix-r1/judge`: judges that decide whether an answer is right. */
import { z } from 'zod';
import { readSecrets } from '../config/environment.ts';
import { rewardJudgeSection } from '../config/judge-config.ts';
import { readConfig } from '../config/read-config.ts';
import { systemClock } from '../core/async/clock.ts';
import { fail } from '../core/errors.ts';
import type { LedgerSummary } from '../core/usage.ts';
import type { JudgeDescription, JudgeItem, JudgeOutcome } from '../judge/judge.ts';
import { createJudgeLedger, openRewardJudge } from '../judge/open-panel.ts';
import type { OwnJudge } from '../judge/own-judge.ts';
import { createOwnObjects } from './own-objects.ts';

export type { FailureCause, Unscored } from '../core/outcome.ts';
export type { ImageFile } from '../core/sample.ts';
export { type Certificate, readCertificate } from '../judge/certificate/certificate.ts';
export type { JudgeDescription, JudgeItem, JudgeOutcome } from '../judge/judge.ts';
export type { OwnJudge as Judge, OwnVerdict as Verdict } from '../judge/own-judge.ts';

/** A judge as a config names it, e.g. `{kind: 'openai', url, model}` or `{kind: 'reference-match'}`. */
export type JudgeSettings = z.input<typeof rewardJudgeSection>;

export type OpenedJudge = {
  /** Name, kind, and the digest of all that shapes a verdict. */
  readonly describe: JudgeDescription;
  /**
   * One outcome per item, in their order; a failure is the outcome of its item and never rejects the call.
   * @param signal Once it aborts, open items come back `unscored`, `cancelled`. @default never
   */
  judge(items: readonly JudgeItem[], signal?: AbortSignal): Promise<readonly JudgeOutcome[]>;
  /**
   * Asks the judge once.
   * @throws MedixError 'judge' saying why it does not answer.
   */
  check(signal?: AbortSignal): Promise<void>;
  /** Requests, tokens and money so far. */
  usage(): LedgerSummary;
  close(): Promise<void>;
};

/**
 * Opens a judge by config, or around an object of your own. Verdicts of language models are remembered
 * across runs (`cache`). API keys are read from the environment variable that `apiKeyEnv` names. No server is
 * contacted yet.
 *
 * @throws MedixError 'config' with all that is wrong with the settings, 'judge' when it cannot be opened.
 * @example
 * ```ts
 * const judge = await openJudge({ kind: 'reference-match' });
 * const [outcome] = await judge.judge([
 *   { question: 'Which organ?', answer: 'The liver.', referenceAnswer: 'liver', accepted: [] },
 * ]);
 * console.log(outcome?.kind === 'judged' && outcome.correct); // true
 * await judge.close();
 * ```
 */
export async function openJudge(judge: JudgeSettings | OwnJudge): Promise<OpenedJudge> {
  const objects = createOwnObjects();
  const base = { judge: objects.settingsOf(judge) };
  const { judge: config } = await readConfig(schema, { base, overrides: [] });
  const { judgeApiKeys } = readSecrets({ judge: config, embedder: { kind: 'local' } });
  const ledger = createJudgeLedger(config);
  const opened = await openRewardJudge(config, {
    ...(judgeApiKeys === undefined ? {} : { apiKeys: judgeApiKeys }),
    seed: 1,
    clock: systemClock,
    ledger,
    load: objects.load,
  });
  return {
    describe: opened.describe,
    judge: (items, signal = never) => opened.judge(items, signal),
    check: async (signal = never) => {
      const failure = await opened.probe(signal);
      if (failure === undefined) return;
      fail('judge', {
        where: `judge ${opened.describe.id}`,
        expected: 'an answer',
        got: `${failure.cause}: ${failure.message}`,
        next: 'start its server, or correct its settings',
      });
    },
    usage: () => ledger.summary(),
    close: opened.close,
  };
}

const schema = z.strictObject({ judge: rewardJudgeSection });
const never = new AbortController().signal;
