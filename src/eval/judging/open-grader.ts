/** One judge of an evaluation, as its config names it. */
import type { AnswerStore } from '../../cache/answer-store.ts';
import { openAnswers } from '../../cache/open-answers.ts';
import { openChatModel } from '../../chat/open-chat-model.ts';
import { readRedisPassword } from '../../config/environment.ts';
import type { ChatJudgeConfig, JudgeConfig } from '../../config/judge-config.ts';
import type { ClientContext } from '../../http/servers-options.ts';
import { openOwnJudge } from '../../judge/open-judge.ts';
import type { JudgingManifest } from '../results/records.ts';
import type { Grader } from './grader.ts';
import { createMatchGrader } from './match-grader.ts';
import { createOwnGrader } from './own-grader.ts';
import { readRoundPrompts, readVotePrompts } from './prompts.ts';
import { createRoundGrader } from './round-grader.ts';
import { createVoteGrader } from './vote-grader.ts';

/** How all judges of a judging are asked. */
export type Asking = {
  readonly mode: JudgingManifest['mode'];
  /** Votes of each language model, at least 1; has no meaning in `medix-r1-reference`. */
  readonly votes: number;
};

/**
 * Opens model and store; no server is contacted yet. The config must have passed {@link askingProblems}.
 * @throws MedixError 'judge' when one of them cannot be used, 'config' when a judge of the user's own cannot
 *   be loaded.
 */
export async function openGrader(
  config: JudgeConfig,
  asking: Asking,
  context: ClientContext,
): Promise<Grader> {
  if (config.kind === 'reference-match') return createMatchGrader();
  if (config.kind === 'module') {
    return createOwnGrader(await openOwnJudge(config, context), config.showImages);
  }
  const store = config.cache === null ? undefined : openAnswers(config.cache, readRedisPassword());
  try {
    return await openChatGrader(config, asking, context, store);
  } catch (error) {
    await store?.close();
    throw error;
  }
}

async function openChatGrader(
  config: ChatJudgeConfig,
  { mode, votes }: Asking,
  context: ClientContext,
  store: AnswerStore | undefined,
): Promise<Grader> {
  const { showImages, maxTokens } = config;
  const model = await openChatModel(config, context);
  const { ledger } = context;
  const parts = { model, ledger, maxTokens, ...(store === undefined ? {} : { store }) };
  if (mode === 'medix-r1-reference') {
    return createRoundGrader({ ...parts, prompts: await readRoundPrompts() });
  }
  return createVoteGrader({ ...parts, prompts: await readVotePrompts(), votes, showImages });
}
