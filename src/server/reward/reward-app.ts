/**
 * The reward as a web service, for trainers that do not run in this process. It scores and keeps no
 * state of its own but caches, so any number of trainers may share it and any call may be repeated.
 */
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import type { Clock } from '../../core/async/clock.ts';
import type { LedgerSummary } from '../../core/usage.ts';
import type { Embedder } from '../../embed/embedder.ts';
import type { Judge } from '../../judge/judge.ts';
import { tellsTextFromImages } from '../../reward/aggregate.ts';
import type { OwnComponent } from '../../reward/components/own-component.ts';
import { createReward } from '../../reward/composite.ts';
import type { RewardProfile } from '../../reward/profile.ts';
import { isTooDeep } from '../json-depth.ts';
import { readBodies } from '../request-body.ts';
import { guardAccess } from './access.ts';
import { answers, jsonBody, refuseMisfit } from './answers.ts';
import { createHealthCheck } from './health.ts';
import type { Intake } from './intake.ts';
import type { Journal } from './journal.ts';
import { createServiceMetrics } from './metrics.ts';
import { nemoGymRoutes } from './nemo-gym.ts';
import { refuseCall } from './number-protocols.ts';
import { openRlhfRoutes } from './openrlhf.ts';
import { refuse, refuseBody } from './refusal.ts';
import { createScoring } from './scoring.ts';
import { slimeRoutes } from './slime.ts';
import { answerSchema, batchSchema, itemSchema } from './wire.ts';

export type RewardAppParts = {
  readonly profile: RewardProfile;
  readonly judge: Judge;
  readonly embedder: Embedder;
  /** Components of the user's own. @default none */
  readonly own?: readonly OwnComponent[];
  /** Whether the judge is shown images. */
  readonly seesImages: boolean;
  readonly ledger: () => LedgerSummary;
  readonly intake: Intake;
  /** Left out, nothing is kept. */
  readonly journal?: Journal;
  /** Address it listens on; see {@link guardAccess}. */
  readonly host: string;
  readonly token?: string;
  /** Bytes of a body at most. */
  readonly maxBodyBytes: number;
  /** Items of a call at most. */
  readonly maxItems: number;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Hears of requests that were refused or failed; told nothing that they carried. */
  readonly onRefused?: (request: RefusedRequest) => void;
  readonly version: string;
};

/** Bodies of the largest size that are held at once; of smaller ones there may be more. */
const bodiesAtOnce = 2;

export type RefusedRequest = {
  readonly route: string;
  readonly status: number;
  readonly error?: unknown;
};

/** The routes of the service; `AppType` is their types, for clients. */
export type AppType = ReturnType<typeof createRewardApp>;

export function createRewardApp(parts: RewardAppParts) {
  const { profile, judge, embedder, own = [], intake, clock, maxItems, maxBodyBytes } = parts;
  const metrics = createServiceMetrics(() => intake.itemsInWork, parts.ledger);
  const reward = createReward({ profile, judge: metrics.timed(judge), embedder, own });
  const needsImages = parts.seesImages || tellsTextFromImages(profile);
  const score = createScoring({ ...parts, reward, needsImages, metrics });
  const checkHealth = createHealthCheck(parts);

  const app = new OpenAPIHono({ defaultHook: refuseMisfit });
  const isRoute = (path: string) => app.routes.some((known) => known.path === path);
  app.use(async (c, next) => {
    const startedAt = clock.now();
    await next();
    const { status } = c.res;
    // What was asked for outside the routes is anybody's text and no label.
    const route = isRoute(c.req.path) ? c.req.path : 'other';
    metrics.request(route, status, (clock.now() - startedAt) / 1000);
    if (status >= 400) parts.onRefused?.({ route, status, ...(c.error ? { error: c.error } : {}) });
    if (intake.isDraining) c.header('Connection', 'close');
  });
  app.use(guardAccess(parts.host, parts.token));
  const bodyLimits = { bodyBytes: maxBodyBytes, bytesAtOnce: bodiesAtOnce * maxBodyBytes };
  app.use(readBodies(bodyLimits, (c, fault) => refuseBody(c, fault, maxBodyBytes)));
  app.use(async (c, next) => {
    const isDeep = c.req.bodyCache.text !== undefined && isTooDeep(await c.req.text());
    return isDeep ? refuse(c, 400, 'malformed', 'the JSON is nested too deep') : next();
  });
  app.notFound((c) => refuse(c, 404, 'unknown-route', 'see /openapi.json'));
  app.onError((error, c) => {
    if (error instanceof HTTPException) {
      return refuse(c, error.status === 415 ? 415 : 400, 'malformed', error.message);
    }
    return refuse(c, 500, 'defect', 'this is a defect of MediX; its log says more');
  });
  app.openAPIRegistry.register('RewardItem', itemSchema);
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'MediX reward service', version: parts.version },
  });
  app.get('/metrics', async (c) =>
    c.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType }),
  );

  return app
    .openapi(rewardsRoute(maxItems), async (c) => {
      const { items, explain } = c.req.valid('json');
      const outcome = await score({
        route: '/v1/rewards',
        items,
        explain,
        caller: c.req.raw.signal,
      });
      if (outcome.kind !== 'answered') return refuseCall(c, outcome);
      return c.json({ results: [...outcome.results] }, 200);
    })
    .route('/', openRlhfRoutes(score, maxItems))
    .route('/', slimeRoutes(score))
    .route('/', nemoGymRoutes(score))
    .openapi(healthRoute, async (c) => {
      if (intake.isDraining) return c.json({ status: 'draining' as const }, 503);
      const health = await checkHealth();
      return c.json(health, health.status === 'ok' ? 200 : 503);
    });
}

function rewardsRoute(maxItems: number) {
  return createRoute({
    method: 'post',
    path: '/v1/rewards',
    summary: 'Rewards for a batch',
    description: 'Each item gets a result of its own; one that fails leaves the others unharmed.',
    request: { body: jsonBody(batchSchema(maxItems)) },
    responses: answers(answerSchema),
  });
}

const partSchema = z.object({ id: z.string(), problem: z.string().nullable() });
const healthSchema = z.object({
  status: z.enum(['ok', 'failing', 'draining']),
  judge: partSchema.optional(),
  embedder: partSchema.optional(),
});

const healthRoute = createRoute({
  method: 'get',
  path: '/healthz',
  summary: 'Whether judge and embedder can be asked',
  responses: {
    200: {
      description: 'Both can be asked',
      content: { 'application/json': { schema: healthSchema } },
    },
    503: {
      description: 'At least one of them cannot be asked, or the service is stopping',
      content: { 'application/json': { schema: healthSchema } },
    },
  },
});
