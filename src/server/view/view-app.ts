/**
 * The routes of `medix view`. What they answer is in `wire.ts`; `ViewApp` is the type by which hono's client knows them.
 * Nothing is written but labels. Texts of runs are data: everything is JSON, and pages run no script but their own.
 */

import { type Context, Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { MedixError, messageOf } from '../../core/errors.ts';
import { readBodies } from '../request-body.ts';
import { guardView } from './access.ts';
import { streamChanges } from './event-stream.ts';
import type { PageFile } from './page-files.ts';
import { bodyBy, queryBy } from './validated.ts';
import type { ViewData } from './view-data.ts';
import {
  compareQuery,
  configDiffQuery,
  type Failure,
  groupQuery,
  groupsQuery,
  labelBody,
  rolloutsQuery,
  samplesQuery,
} from './wire.ts';

type ViewAppParts = {
  readonly data: ViewData;
  /** Address it listens on. */
  readonly host: string;
  readonly token: string;
  /** The page's files by their path, e.g. `/index.html`. */
  readonly page: ReadonlyMap<string, PageFile>;
  /** Milliseconds between signs of life of the event stream. @default 15,000 */
  readonly heartbeatMs?: number;
  /** Hears of what failed; told no token. */
  readonly onFailure: (error: unknown) => void;
};

/** A note at its longest, and as much again. */
const bodyLimits = { bodyBytes: 64 * 1024, bytesAtOnce: 64 * 64 * 1024 };

/** The routes below `/api`, by themselves also what an export asks. */
export function createViewApi(data: ViewData, heartbeatMs = 15_000) {
  return new Hono()
    .get('/api/runs', async (c) => c.json(await data.runs()))
    .get('/api/runs/:id', async (c) => {
      const answer = await data.run(c.req.param('id'));
      return answer ? c.json(answer) : c.json(unknownRun, 404);
    })
    .get('/api/runs/:id/metrics', async (c) => {
      const answer = await data.metrics(c.req.param('id'));
      return answer ? c.json(answer) : c.json(unknownRun, 404);
    })
    .get('/api/runs/:id/config-diff', queryBy(configDiffQuery), async (c) => {
      const answer = await data.configDiff(c.req.param('id'), c.req.valid('query').with);
      return answer ? c.json(answer) : c.json(unknownRun, 404);
    })
    .get('/api/runs/:id/groups', queryBy(groupsQuery), async (c) => {
      const answer = await data.groups(c.req.param('id'), c.req.valid('query'));
      return answer ? c.json(answer) : c.json(unknownRun, 404);
    })
    .get(
      '/api/runs/:id/groups/:iteration{[0-9]+}/:group{[0-9]+}',
      queryBy(groupQuery),
      async (c) => {
        const { id, iteration, group } = c.req.param();
        const { part } = c.req.valid('query');
        const place = { part, iteration: Number(iteration), group: Number(group) };
        const answer = await data.group(id, place);
        return answer ? c.json(answer) : c.json(unknownGroup, 404);
      },
    )
    .get('/api/runs/:id/rollouts', queryBy(rolloutsQuery), async (c) => {
      const answer = await data.rollouts(c.req.param('id'), c.req.valid('query'));
      return answer ? c.json(answer) : c.json(unknownRun, 404);
    })
    .get('/api/runs/:id/cheating', async (c) => {
      const answer = await data.cheating(c.req.param('id'));
      return answer ? c.json(answer) : c.json(unknownRun, 404);
    })
    .get('/api/runs/:id/images/:name', async (c) => {
      const { id, name } = c.req.param();
      return imageAnswer(c, await data.runImage(id, name));
    })
    .get('/api/evaluations/:id', async (c) => {
      const answer = await data.evaluation(c.req.param('id'));
      return answer ? c.json(answer) : c.json(unknownEvaluation, 404);
    })
    .get('/api/evaluations/:id/samples', queryBy(samplesQuery), async (c) => {
      const answer = await data.samples(c.req.param('id'), c.req.valid('query'));
      return answer ? c.json(answer) : c.json(unknownEvaluation, 404);
    })
    .get('/api/evaluations/:id/samples/:task/:sampleId', async (c) => {
      const { id, task, sampleId } = c.req.param();
      const answer = await data.sample(id, task, sampleId);
      return answer ? c.json(answer) : c.json(unknownSample, 404);
    })
    .get('/api/evaluations/:id/images/:task/:digest', async (c) => {
      const { id, task, digest } = c.req.param();
      return imageAnswer(c, await data.evaluationImage(id, task, digest));
    })
    .get('/api/evaluations/:id/report.html', async (c) => {
      const html = await data.htmlReport(c.req.param('id'));
      if (html === undefined) return c.json(unknownEvaluation, 404);
      // The stored report brings its style inside; scripts stay off.
      c.header('Content-Security-Policy', reportPolicy);
      return c.html(html);
    })
    .get('/api/compare', queryBy(compareQuery), async (c) => {
      const answer = await data.compare(c.req.valid('query'));
      return answer ? c.json(answer) : c.json(unknownEvaluation, 404);
    })
    .post('/api/labels', bodyBy(labelBody), async (c) => {
      const answer = await data.label(c.req.valid('json'));
      return answer ? c.json(answer) : c.json(unknownRun, 404);
    })
    .get('/api/events', (c) => streamChanges(c, data.subscribe, heartbeatMs));
}

/** What the page's client is typed by. */
export type ViewApp = ReturnType<typeof createViewApi>;

/** Everything: who may look, the page, and the routes of {@link createViewApi}. */
export function createViewApp(parts: ViewAppParts): Hono {
  const { data, host, token, page, heartbeatMs, onFailure } = parts;
  const app = new Hono();
  app.use(secureHeaders(pageHeaders));
  app.use(async (c, next) => {
    await next();
    if (!c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'no-store');
  });
  app.use(guardView(host, token));
  app.use(
    '/api/labels',
    readBodies(bodyLimits, (c) => c.json(badBody, 400)),
  );
  app.onError((error, c) => {
    onFailure(error);
    if (error instanceof MedixError) {
      const next = 'look at the file that it names; everything else can still be shown';
      return c.json({ error: messageOf(error), next } satisfies Failure, 422);
    }
    return c.json({ error: 'the server failed', next: 'see its terminal' } satisfies Failure, 500);
  });
  app.route('/', createViewApi(data, heartbeatMs));
  app.get('*', (c) => {
    const { path } = c.req;
    if (path.startsWith('/api/')) return c.json(unknownAddress, 404);
    // Addresses of the page itself are answered by the page, which reads them.
    const file = page.get(path) ?? (/\.\w+$/.test(path) ? undefined : page.get('/index.html'));
    if (file === undefined) return c.text('No such page\n', 404);
    return c.body(file.bytes, 200, { 'Content-Type': file.type });
  });
  app.all('*', (c) => c.json(unknownAddress, 404));
  return app;
}

function imageAnswer(
  c: Context,
  image: { readonly bytes: Uint8Array<ArrayBuffer>; readonly type: string } | undefined,
) {
  if (image === undefined) return c.json(unknownImage, 404);
  return c.body(image.bytes, 200, {
    'Content-Type': image.type,
    'Cache-Control': 'private, max-age=3600',
  });
}

const goBack = 'go back to the list of runs';
const unknownRun: Failure = { error: 'there is no such run', next: goBack };
const unknownEvaluation: Failure = { error: 'there is no such evaluation', next: goBack };
const unknownGroup: Failure = { error: 'there is no such group', next: 'go back to the groups' };
const unknownSample: Failure = { error: 'there is no such sample', next: 'go back to the samples' };
const unknownImage: Failure = { error: 'the image is not there', next: 'see `record.images`' };
const unknownAddress: Failure = { error: 'there is no such address', next: goBack };
const badBody: Failure = { error: 'the label could not be read', next: 'send a shorter note' };

const reportPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

const pageHeaders: Parameters<typeof secureHeaders>[0] = {
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    baseUri: ["'none'"],
    connectSrc: ["'self'"],
    fontSrc: ["'self'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    imgSrc: ["'self'", 'data:'],
    scriptSrc: ["'self'"],
    // Charts and virtual lists place what they draw by style attributes.
    styleSrc: ["'self'"],
    styleSrcAttr: ["'unsafe-inline'"],
  },
  xFrameOptions: 'DENY',
  referrerPolicy: 'no-referrer',
  // Plain HTTP on this machine.
  strictTransportSecurity: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
};
