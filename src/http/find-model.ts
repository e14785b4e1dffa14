/** Whether servers can be asked at all: there, key valid, model known. */
import { z } from 'zod';
import type { Unscored } from '../core/outcome.ts';
import type { ServerReply, Servers } from './connect-servers.ts';

const modelList = z.object({ data: z.array(z.object({ id: z.string() }).nullable().catch(null)) });
type ModelList = z.output<typeof modelList>;

/** Names that a message lists. */
const shownNames = 5;

/**
 * Reads every replica's list of models. A replica that is down is no reason against the others; one
 * that refuses, or does not know the model, is: it would spoil its share of the calls.
 *
 * @param ask Asks every replica for the smallest thing there is; used where lists say nothing: they are
 *   not offered, empty, or open to anyone while a key has yet to prove valid.
 * @param trustsLists Whether a list that names the model is enough.
 */
export async function findModel(
  servers: Servers,
  model: string,
  trustsLists: boolean,
  ask: (signal: AbortSignal) => Promise<readonly ServerReply<unknown>[]>,
  signal: AbortSignal,
): Promise<Unscored | undefined> {
  const lists = await servers.callEach(
    { method: 'GET', path: 'models', response: modelList },
    signal,
  );
  const known = lists.map((list) => readList(list, model));
  const obstacle = worst(known);
  if (obstacle !== undefined) return obstacle;
  if (trustsLists && known.every((one) => one === 'listed')) return undefined;
  const replies = await ask(signal);
  return worst(replies.map((reply) => (reply.kind === 'answered' ? 'listed' : reply.outcome)));
}

type Found = 'listed' | 'unknown' | Unscored;

function readList(reply: ServerReply<ModelList>, model: string): Found {
  if (reply.kind === 'failed') {
    const { status, outcome } = reply;
    const offersNoList = outcome.cause === 'unparsable' || status === 404 || status === 405;
    return offersNoList ? 'unknown' : outcome;
  }
  const names = reply.value.data.flatMap((one) => one?.id ?? []);
  if (names.length === 0) return 'unknown';
  if (names.includes(model)) return 'listed';
  // As JSON, since a name is whatever the server likes to send.
  const shown = names.slice(0, shownNames).map((name) => JSON.stringify(name));
  const more = names.length > shownNames ? `, … (${names.length} in all)` : '';
  const message = `model ${JSON.stringify(model)} is unknown; the server offers ${shown.join(', ')}${more}`;
  return { kind: 'unscored', cause: 'refused', message };
}

/** What speaks against asking: the first lasting obstacle, else the first failure if nobody is left. */
function worst(found: readonly Found[]): Unscored | undefined {
  const failures = found.filter((one): one is Unscored => typeof one !== 'string');
  const passes = ({ cause }: Unscored) => cause === 'transport' || cause === 'timeout';
  return (
    failures.find((one) => !passes(one)) ??
    (failures.length < found.length ? undefined : failures[0])
  );
}
