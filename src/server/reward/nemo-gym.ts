/**
 * A NeMo Gym resources server: `/seed_session` keeps nothing, `/verify` gives back what it was sent with
 * `reward` and `reward_components`. The task's row carries `ground_truth`, and may carry `accepted` and
 * `modality`. An item without a reward is HTTP 503, which fails that rollout in Gym: its `mask_sample`
 * would set it aside as well, but beside a reward that is a number, and older versions train on that.
 */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { defined } from '../../core/errors.ts';
import { answers, jsonBody, refuseMisfit } from './answers.ts';
import { conversationSchema, questionOf, textOf } from './chat.ts';
import { componentValues, requireNumbers } from './number-protocols.ts';
import type { ScoreItems } from './scoring.ts';

const path = '/verify';

const outputSchema = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  content: z.unknown().optional(),
});

const requestSchema = z
  .looseObject({
    responses_create_params: z.looseObject({ input: conversationSchema }),
    response: z.looseObject({ output: z.array(outputSchema) }).describe('An OpenAI response'),
    ground_truth: z.string(),
    modality: z.string().nullish(),
    accepted: z.array(z.string()).nullish(),
  })
  .openapi('NemoGymRequest');
type Request = z.output<typeof requestSchema>;

type Json = z.core.util.JSONType;

/** Any JSON; `z.json()` is recursive, which the generator of the OpenAPI description cannot follow. */
const asSent = z
  .custom<Json>()
  .openapi({ type: ['object', 'array', 'string', 'number', 'boolean', 'null'] });

const replySchema = z
  .object({ reward: z.number(), reward_components: z.record(z.string(), z.number()) })
  .catchall(asSent)
  .openapi('NemoGymReply');

const seedRoute = createRoute({
  method: 'post',
  path: '/seed_session',
  summary: 'Called by NeMo Gym when a session begins; does nothing',
  responses: {
    200: { description: 'Done', content: { 'application/json': { schema: z.object({}) } } },
  },
});

const verifyRoute = createRoute({
  method: 'post',
  path,
  summary: 'Reward for NeMo Gym',
  request: { body: jsonBody(requestSchema) },
  responses: answers(replySchema),
});

export function nemoGymRoutes(score: ScoreItems) {
  return new OpenAPIHono({ defaultHook: refuseMisfit })
    .openapi(seedRoute, (c) => c.json({}, 200))
    .openapi(verifyRoute, async (c) => {
      const items = [itemOf(c.req.valid('json'))];
      const outcome = await score({ route: path, items, caller: c.req.raw.signal });
      const scored = requireNumbers(c, outcome);
      if (!Array.isArray(scored)) return scored;
      const result = defined(scored[0], 'result');
      const sent = await c.req.json<Record<string, Json>>();
      const reply = { reward: result.reward, reward_components: componentValues(result) };
      return c.json({ ...sent, ...reply }, 200);
    });
}

function itemOf({ responses_create_params, response, ground_truth, modality, accepted }: Request) {
  return {
    ...questionOf(responses_create_params.input),
    response: answerOf(response.output),
    ground_truth,
    modality: modality ?? undefined,
    accepted: accepted ?? undefined,
  };
}

/** What the model wrote in messages; reasoning and tool calls are items of their own and no part of it. */
function answerOf(output: Request['response']['output']): string {
  return output
    .filter(({ type, role }) => type === 'message' && role === 'assistant')
    .map(({ content }) => {
      const parsed = conversationSchema.safeParse([{ content }]);
      return parsed.success && typeof parsed.data !== 'string'
        ? textOf(parsed.data[0]?.content)
        : '';
    })
    .join('');
}
