/**
 * Who may see a task's data. PhysioNet (September 2025) lets credentialed data such as MIMIC go to an
 * online service only where that service keeps nothing; a private set is treated alike. Public data may
 * go anywhere.
 */
import type { Problem } from '../../core/errors.ts';
import { isLoopback } from '../../core/loopback.ts';
import type { Task } from './task-schema.ts';

type DataAccessContext = {
  /** Every server that would see questions, references, images or answers. */
  readonly servers: readonly {
    /** What it is there for: model, judge, embedder, metric. */
    readonly use: string;
    readonly url: string;
  }[];
  /** Host names with which a zero-retention agreement exists, as the user states. */
  readonly agreements: readonly string[];
};

/**
 * One problem for each task that must not go to a server that would see it. This machine is no server
 * of others: loopback addresses need no agreement, any other host does.
 */
export function checkDataAccess(
  tasks: readonly Pick<Task, 'id' | 'access'>[],
  { servers, agreements }: DataAccessContext,
): Problem[] {
  const allowed = new Set(agreements.map((host) => host.toLowerCase()));
  const foreign = servers
    .map(({ use, url }) => ({ use, host: hostOf(url) }))
    .filter(({ host }) => !isLoopback(host) && !allowed.has(host));
  return tasks
    .filter(({ access }) => access !== 'public')
    .flatMap(({ id, access }) =>
      foreign.map(({ use, host }) => ({
        where: `task ${id}`,
        expected: `no server that may keep ${access} data, or an agreement that it keeps none`,
        got: `the ${use} at ${host}`,
        next: `use a local ${use}, or, where a zero-retention agreement exists, add ${host} to zeroRetention`,
      })),
    );
}

/** An address that is none is foreign under its own text. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.toLowerCase() : url.toLowerCase();
}
