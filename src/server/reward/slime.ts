/**
 * slime's remote reward model (`--rm-type remote_rm --rm-url http://host:8090/rm`). One sample a call, a
 * bare number back; `/rm?components=true` answers with an object, for `--reward-key reward`. It repeats a
 * failed call nine times with growing pauses, then ends the run.
 */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { defined } from '../../core/errors.ts';
import { answers, jsonBody, refuseMisfit } from './answers.ts';
import { conversationSchema, questionOf } from './chat.ts';
import {
  componentValues,
  replyInFloats,
  requireNumbers,
  withoutEndTokens,
} from './number-protocols.ts';
import type { ScoreItems } from './scoring.ts';

const path = '/rm';

const requestSchema = z
  .object({
    prompt: conversationSchema,
    response: z.string(),
    label: z.string().describe('Ground truth'),
  })
  .openapi('SlimeRequest');

const replySchema = z
  .union([z.number(), z.object({ reward: z.number() }).catchall(z.number())])
  .openapi('SlimeReply');

const route = createRoute({
  method: 'post',
  path,
  summary: 'Reward for slime',
  request: {
    query: z.object({ components: z.enum(['true', 'false']).default('false') }),
    body: jsonBody(requestSchema),
  },
  responses: answers(replySchema),
});

export function slimeRoutes(score: ScoreItems) {
  return new OpenAPIHono({ defaultHook: refuseMisfit }).openapi(route, async (c) => {
    const { prompt, response, label } = c.req.valid('json');
    const item = {
      question: questionOf(prompt).question,
      response: withoutEndTokens(response),
      ground_truth: label,
    };
    const outcome = await score({ route: path, items: [item], caller: c.req.raw.signal });
    const scored = requireNumbers(c, outcome);
    if (!Array.isArray(scored)) return scored;
    const result = defined(scored[0], 'result');
    if (c.req.valid('query').components === 'false') return replyInFloats(c, result.reward);
    return replyInFloats(c, { reward: result.reward, ...componentValues(result) });
  });
}
