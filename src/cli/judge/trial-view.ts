/** How far the measuring of a judge is, and what to do where its replies cannot be read. */
import type { Trial, TrialProgress } from '../../judge/certificate/trials.ts';
import { printable } from '../printable.ts';
import type { Terminal } from '../terminal.ts';

/** Replies from which on it can be told that most cannot be read. */
const enoughReplies = 20;

/**
 * A status line that is rewritten; where there is no terminal, a line for each tenth of a round. A hint comes
 * as soon as most replies cannot be read, rather than after all of them are paid for.
 * @param maxTokens longest reply as the config sets it; null where it does not
 */
export function createTrialView(
  terminal: Terminal,
  maxTokens: number | null,
): (progress: TrialProgress) => void {
  let isHinted = false;
  return ({ round, rounds, done, of, unreadable }) => {
    const line = `round ${round} of ${rounds}: ${done} of ${of} answers judged`;
    const isTenth = Math.floor((10 * done) / of) > Math.floor((10 * (done - 1)) / of);
    if (done === of || (isTenth && !terminal.isInteractive)) terminal.print(line);
    else terminal.showStatus(line);
    if (isHinted || done < Math.min(enoughReplies, of) || 2 * unreadable <= done) return;
    isHinted = true;
    terminal.print(
      `warning: ${unreadable} of ${done} replies hold no verdict. A judge that thinks before it answers needs longer replies: set judge.maxTokens to 2048 or more (now ${maxTokens ?? 'just enough for a bare verdict'}), or turn its thinking off, e.g. judge.extraBody={chat_template_kwargs: {enable_thinking: false}}. Ctrl-C ends here.`,
    );
  };
}

/** What a reply without verdict looked like. */
export function describeUnreadable(trials: readonly Trial[]): string[] {
  const messages = trials.flatMap(({ outcomes }) =>
    outcomes.flatMap((one) =>
      one.kind === 'unscored' && one.cause === 'unparsable' ? [one.message] : [],
    ),
  );
  const [first] = messages;
  if (first === undefined) return [];
  return ['', printable(`${messages.length} replies held no verdict, the first of them: ${first}`)];
}
