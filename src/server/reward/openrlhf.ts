/**
 * OpenRLHF's remote reward model (`--reward.remote_url http://host:8090/get_reward`, 0.11). It sends one
 * query a call, prompt and completion in one text with special tokens, and repeats a failed call four
 * times, a second apart; after that the sample has no reward. A batch with one unscored item fails whole.
 */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { answers, jsonBody, refuseMisfit } from './answers.ts';
import {
  componentValues,
  replyInFloats,
  requireNumbers,
  withoutEndTokens,
} from './number-protocols.ts';
import { refuse } from './refusal.ts';
import type { ScoreItems } from './scoring.ts';

const path = '/get_reward';

const numbers = z.array(z.number());

const replySchema = z
  .object({ rewards: numbers, scores: numbers, extra_logs: z.record(z.string(), numbers) })
  .openapi('OpenRlhfReply');

export function openRlhfRoutes(score: ScoreItems, maxItems: number) {
  const requestSchema = z
    .object({
      query: z.array(z.string()).min(1).max(maxItems).describe('Prompt and completion'),
      prompts: z.array(z.string()),
      labels: z.array(z.string()).describe('Ground truths'),
    })
    .refine(
      ({ query, prompts, labels }) =>
        prompts.length === query.length && labels.length === query.length,
      'query, prompts and labels differ in length',
    )
    .openapi('OpenRlhfRequest');
  const route = createRoute({
    method: 'post',
    path,
    summary: 'Rewards for OpenRLHF',
    request: { body: jsonBody(requestSchema) },
    responses: answers(replySchema),
  });
  return new OpenAPIHono({ defaultHook: refuseMisfit }).openapi(route, async (c) => {
    const { query, prompts, labels } = c.req.valid('json');
    const items = query.map((text, index) => ({
      question: prompts[index],
      response: completionOf(text, prompts[index] ?? ''),
      ground_truth: labels[index],
    }));
    const stray = items.findIndex(({ response }) => response === undefined);
    if (stray >= 0) {
      return refuse(c, 422, 'malformed', `query ${stray} does not begin with its prompt`);
    }
    const outcome = await score({ route: path, items, caller: c.req.raw.signal });
    const scored = requireNumbers(c, outcome);
    if (!Array.isArray(scored)) return scored;
    const rewards = scored.map(({ reward }) => reward);
    const logs: Record<string, number[]> = {};
    for (const result of scored) {
      for (const [name, value] of Object.entries(componentValues(result))) {
        logs[name] = [...(logs[name] ?? []), value];
      }
    }
    return replyInFloats(c, { rewards, scores: rewards, extra_logs: logs });
  });
}

/**
 * What follows the prompt. Processors repeat image tokens in the query that stand once in the prompt, so
 * where the plain prefix does not fit, runs of one special token are compared as one.
 */
function completionOf(query: string, prompt: string): string | undefined {
  for (const form of [(text: string) => text, collapseSpecialTokens]) {
    if (form(query).startsWith(form(prompt))) {
      return withoutEndTokens(form(query).slice(form(prompt).length));
    }
  }
  return undefined;
}

function collapseSpecialTokens(text: string): string {
  return text.replace(/(<\|[^<>|]*\|>)\1+/g, '$1');
}
