/**
 * The pages of a review. A rater's link holds a token, which is all there is to sign in with; everything
 * a page shows comes from `review.json`, so that it cannot tell which model gave an answer.
 */
import { join } from 'node:path';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { WallClock } from '../../core/async/clock.ts';
import { digestOfBytes } from '../../core/digest.ts';
import { readBytes, readText } from '../../core/files.ts';
import { packageFile } from '../../core/package-file.ts';
import type { PresentedItem } from '../../eval/review/presentation.ts';
import { presentationFor } from '../../eval/review/presentation.ts';
import { type RatingWriter, readRatings } from '../../eval/review/ratings.ts';
import type { OpenedReview } from '../../eval/review/review-folder.ts';
import { imageTypes, type Rating, reviewFiles } from '../../eval/review/review-set.ts';
import { namesItsHost } from '../local-host.ts';
import { type BodyFault, readBodies } from '../request-body.ts';
import { readForm, readFormFields } from './form.ts';
import { type FormValues, itemPage } from './item-page.ts';
import { overviewPage } from './overview-page.ts';
import { messagePage } from './page.ts';

type ReviewAppParts = OpenedReview & {
  readonly folder: string;
  /** Address it listens on; see {@link namesItsHost}. */
  readonly host: string;
  readonly writer: Pick<RatingWriter, 'record'>;
  /** Milliseconds since 1970. */
  readonly clock: WallClock;
  /** Hears of what failed; told no token. */
  readonly onFailure: (error: unknown) => void;
};

type RaterPages = {
  readonly id: string;
  readonly base: string;
  readonly items: readonly PresentedItem[];
};

type Env = { Variables: { rater: RaterPages } };

/** A comment at its longest, as a form sends it, and as much again; and those of 64 raters at once. */
const bodyLimits = { bodyBytes: 64 * 1024, bytesAtOnce: 64 * 64 * 1024 };

const assets = packageFile('assets/review/');

export async function createReviewApp(parts: ReviewAppParts): Promise<Hono<Env>> {
  const { review, raters, folder, host, writer, clock, onFailure } = parts;
  const imageNames = new Set(review.items.flatMap(({ images }) => images));
  // Found by digest, so that how long a wrong token takes says nothing of a right one.
  const pagesByToken = new Map(
    raters.map(({ id, token }) => [
      digestOfBytes(token),
      { id, base: `/r/${token}`, items: presentationFor(review, id) },
    ]),
  );
  const style = await readText(new URL('review.css', assets));
  const script = await readText(new URL('review.js', assets));

  const show = async (c: Context<Env>, position: number, refused?: Refused) => {
    const { id, base, items } = c.get('rater');
    const presented = items[position - 1];
    if (presented === undefined) return c.notFound();
    const ratings = await readRatings(folder, id);
    const saved = ratings.get(presented.item.id);
    const values = refused?.values ?? valuesOf(saved);
    return c.html(
      itemPage({
        presented,
        base,
        draftKey: `medix-review/${review.id}/${id}`,
        position,
        count: items.length,
        answered: countAnswered(items, ratings),
        values,
        isSaved: saved !== undefined,
        ...(refused ? { problem: refused.problem } : {}),
      }),
      refused?.status ?? 200,
    );
  };

  const app = new Hono<Env>();
  app.use(secureHeaders(pageHeaders));
  app.use(async (c, next) => {
    await next();
    c.header('Cache-Control', 'no-store');
  });
  app.use(async (c, next) => {
    if (!namesItsHost(c, host)) return c.html(messagePage('Not accepted', openLink), 403);
    return next();
  });
  app.notFound((c) => c.html(messagePage('No such page', openLink), 404));
  app.onError((error, c) => {
    onFailure(error);
    return c.html(messagePage('Something failed', 'Please go back and try again.'), 500);
  });
  app.get('/review.css', (c) => c.body(style, 200, { 'Content-Type': 'text/css; charset=utf-8' }));
  app.get('/review.js', (c) =>
    c.body(script, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  );

  const identify: MiddlewareHandler<Env> = async (c, next) => {
    const pages = pagesByToken.get(digestOfBytes(c.req.param('token') ?? ''));
    if (pages === undefined) return c.notFound();
    c.set('rater', pages);
    return next();
  };
  app.use('/r/:token', identify);
  app.use('/r/:token/*', identify);

  app.get('/r/:token', async (c) => {
    const { id, base, items } = c.get('rater');
    const ratings = await readRatings(folder, id);
    const open = firstOpen(items, ratings);
    const begun = countAnswered(items, ratings) > 0;
    return c.redirect(begun && open > 0 ? `${base}/${open}` : `${base}/overview`, 303);
  });

  app.get('/r/:token/overview', async (c) => {
    const { id, base, items } = c.get('rater');
    const ratings = await readRatings(folder, id);
    return c.html(
      overviewPage({
        base,
        isPair: review.kind === 'pairs',
        showsReference: review.showsReference,
        answered: items.map(({ item }) => ratings.has(item.id)),
      }),
    );
  });

  app.get('/r/:token/images/:name', async (c) => {
    const name = c.req.param('name');
    if (!imageNames.has(name)) return c.notFound();
    const bytes = await readBytes(join(folder, reviewFiles.images, name));
    const type = imageTypes[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
    return c.body(new Uint8Array(bytes), 200, { 'Content-Type': type });
  });

  app.get('/r/:token/:position{[1-9][0-9]{0,8}}', (c) => show(c, Number(c.req.param('position'))));

  app.post(
    '/r/:token/:position{[1-9][0-9]{0,8}}',
    requireSameOrigin,
    readBodies(bodyLimits, refuseBody),
    async (c) => {
      const { id, base, items } = c.get('rater');
      const position = Number(c.req.param('position'));
      const presented = items[position - 1];
      if (presented === undefined) return c.notFound();
      const fields = readFormFields(c.req.header('content-type'), await c.req.text());
      if (fields === undefined) return c.html(messagePage('Not saved', sendForm), 400);
      const form = readForm(fields, presented.order.length);
      if (form.kind === 'incomplete') {
        return show(c, position, { ...form, status: 422 });
      }
      const { item, order } = presented;
      const at = new Date(clock()).toISOString();
      try {
        await writer.record(id, { item: item.id, at, order: [...order], ...form.rating });
      } catch (error) {
        onFailure(error);
        const problem = 'Not saved: the server could not write it. Please try again.';
        return show(c, position, { values: valuesOf(form.rating), problem, status: 500 });
      }
      const open = firstOpen(items, await readRatings(folder, id));
      const next =
        open === 0 ? 'overview' : position < items.length ? String(position + 1) : String(open);
      return c.redirect(`${base}/${next}`, 303);
    },
  );
  return app;
}

const openLink = 'Please open exactly the link that you were given.';
const sendForm = 'Please send answers from the page itself.';

function refuseBody(c: Context, fault: BodyFault): Response | Promise<Response> {
  if (fault === 'too-large') {
    return c.html(messagePage('Too long', 'Please shorten the comment.'), 413);
  }
  if (fault === 'busy') {
    return c.html(messagePage('Not saved', 'Many answers came at once. Please try again.'), 503);
  }
  return c.html(messagePage('Not saved', sendForm), 400);
}

type Refused = {
  readonly values: FormValues;
  readonly problem: string;
  readonly status: 422 | 500;
};

function valuesOf(
  rating: Pick<Rating, 'preference' | 'grades' | 'comment'> | undefined,
): FormValues {
  return rating ?? { grades: [], comment: '' };
}

function countAnswered(
  items: readonly PresentedItem[],
  ratings: ReadonlyMap<string, Rating>,
): number {
  return items.filter(({ item }) => ratings.has(item.id)).length;
}

/** From 1; 0 where every item is answered. */
function firstOpen(items: readonly PresentedItem[], ratings: ReadonlyMap<string, Rating>): number {
  return items.findIndex(({ item }) => !ratings.has(item.id)) + 1;
}

/** A form of another site cannot name this one as its origin. */
const requireSameOrigin: MiddlewareHandler = async (c, next) => {
  const origin = c.req.header('origin') ?? '';
  if (URL.canParse(origin) && new URL(origin).host === c.req.header('host')) return next();
  return c.html(messagePage('Not accepted', sendForm), 403);
};

const pageHeaders: Parameters<typeof secureHeaders>[0] = {
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    baseUri: ["'none'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    imgSrc: ["'self'", 'data:'],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
  },
  xFrameOptions: 'DENY',
  // `no-referrer` would also take the origin from the page's own form.
  referrerPolicy: 'same-origin',
  // Plain HTTP on this machine is the rule, and a proxy in front speaks for itself.
  strictTransportSecurity: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
};
