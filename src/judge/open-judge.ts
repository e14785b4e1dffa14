/** One judge that a config names. Training, reward service, certificate and evaluation open it here. */
import { openAnswers } from '../cache/open-answers.ts';
import { openChatModel } from '../chat/open-chat-model.ts';
import { readRedisPassword } from '../config/environment.ts';
import type { ChatJudgeConfig, JudgeConfig, SingleJudgeConfig } from '../config/judge-config.ts';
import { loadModule } from '../config/load-module.ts';
import { fail } from '../core/errors.ts';
import type { ClientContext } from '../http/servers-options.ts';
import { createChatJudge } from './chat-judge.ts';
import type { Judge } from './judge.ts';
import { type JudgePrompt, openJudgePrompt } from './judge-prompt.ts';
import { ownJudgeOf } from './own-judge.ts';
import { createReferenceMatchJudge } from './reference-match.ts';
import { openRubricPrompt } from './rubric-prompt.ts';

/**
 * Opens prompt, model and store; no server is contacted yet.
 * @throws MedixError 'judge' when one of them cannot be used, 'config' when a judge of the user's own cannot
 *   be loaded.
 */
export async function openJudge(
  config: SingleJudgeConfig | JudgeConfig,
  context: ClientContext,
): Promise<Judge> {
  if (config.kind === 'reference-match') return createReferenceMatchJudge();
  if (config.kind === 'module') return openOwnJudge(config, context);
  const prompt = await openJudgePrompt(config.prompt ?? 'medix-r1');
  checkForm(prompt, config);
  const store = config.cache === null ? undefined : openAnswers(config.cache, readRedisPassword());
  try {
    const { verdict, showImages, maxTokens } = config;
    const { ledger } = context;
    const model = await openChatModel(config, context);
    const rubricPrompt = await openRubricPrompt();
    const parts = { model, prompt, rubricPrompt, verdict, showImages, maxTokens, ledger };
    return createChatJudge({ ...parts, ...(store === undefined ? {} : { store }) });
  } catch (error) {
    await store?.close();
    throw error;
  }
}

/** @throws MedixError 'config' when there is no such judge. */
export async function openOwnJudge(
  { module }: Extract<SingleJudgeConfig, { readonly kind: 'module' }>,
  { load = loadModule }: Pick<ClientContext, 'load'>,
): Promise<Judge> {
  return ownJudgeOf(await load(module, 'judge.module'), 'judge.module');
}

/** The paper's prompt asks for a word and its code looks for YES in it; no other form fits. */
function checkForm({ isReference, id }: JudgePrompt, { verdict }: ChatJudgeConfig): void {
  if (!isReference || verdict === 'word') return;
  fail('judge', {
    where: 'judge.verdict',
    expected: `word, which is all that the prompt ${id} asks for`,
    got: verdict,
    next: 'set judge.verdict to word or choose the prompt medix-r1',
  });
}
