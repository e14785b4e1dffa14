/** `medix review serve`: the page on which raters answer. */
import { systemClock } from '../../core/async/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { isLoopback } from '../../core/loopback.ts';
import { RatingWriter, readRatings } from '../../eval/review/ratings.ts';
import { openReview } from '../../eval/review/review-folder.ts';
import { createReviewApp } from '../../server/review/review-app.ts';
import { requireAllowedHost, serveReview } from '../../server/review/serve.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { wholeNumber } from '../option-values.ts';

type Options = { readonly host: string; readonly port: number };

/** Where raters' links lead unless the command says otherwise. */
export const defaultAddress = { host: '127.0.0.1', port: 8100 } as const;

export const setUpReviewServe: SetUpCommand = (command, context) => {
  command
    .argument('<dir>', 'folder that `medix review create` wrote')
    .option('--host <host>', 'address to listen on', defaultAddress.host)
    .option('--port <number>', 'port; 0 takes any free one', wholeNumber(0), defaultAddress.port)
    .action((folder: string, options: Options) => serve(folder, options, context));
};

async function serve(
  folder: string,
  { host, port }: Options,
  { terminal, signal, clock }: CommandContext,
): Promise<void> {
  const opened = await openReview(folder);
  requireAllowedHost(host, opened);
  const { review, raters } = opened;
  const writer = new RatingWriter(folder);
  const onFailure = (error: unknown) => terminal.print(`failed: ${messageOf(error)}`);
  const app = await createReviewApp({ ...opened, folder, host, writer, clock, onFailure });
  const answered = await Promise.all(raters.map(({ id }) => readRatings(folder, id)));
  const onListening = (url: string) => {
    terminal.print(`${review.items.length} items. Give each link to one rater and to nobody else:`);
    for (const [place, { id, token }] of raters.entries()) {
      terminal.print(`  ${id}: ${url}/r/${token} (${answered[place]?.size ?? 0} answered)`);
    }
    if (!isLoopback(host)) {
      terminal.print(
        'Links and ratings are sent unencrypted: put a proxy with TLS in front of this server.',
      );
    }
  };
  await serveReview({ app, writer, host, port, clock: systemClock, onListening }, signal);
  terminal.print('stopped; every rating that was sent is saved');
}
