import { type AnswerStore, openAnswerStore } from './answer-store.ts';
import { isRedisUrl } from './redis-connection.ts';
import { openRedisStore } from './redis-store.ts';

/**
 * Opens what the config field `cache` names: a folder, or a store behind an address (`redis://host:6379/0`).
 * @param password Of such a store, where it asks for one.
 * @throws MedixError (judge) when the folder cannot be opened, (config) when the address is none.
 */
export function openAnswers(place: string, password?: string): AnswerStore {
  return isRedisUrl(place) ? openRedisStore(place, password) : openAnswerStore(place);
}
