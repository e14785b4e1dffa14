/** Whether judge and embedder can be asked, found out by asking them. */
import type { Clock } from '../../core/async/clock.ts';
import type { Embedder } from '../../embed/embedder.ts';
import type { Judge } from '../../judge/judge.ts';
import { askedBy } from '../../reward/aggregate.ts';
import type { RewardProfile } from '../../reward/profile.ts';

type Part = { readonly id: string; readonly problem: string | null };

type Health = {
  readonly status: 'ok' | 'failing';
  readonly judge: Part;
  readonly embedder: Part;
};

/** Milliseconds for which one answer serves everyone who asks, so that a watcher costs no judge calls. */
const freshMs = 5000;

/** A part that no component of the profile needs is not asked. */
export function createHealthCheck(parts: {
  readonly profile: RewardProfile;
  readonly judge: Judge;
  readonly embedder: Embedder;
  readonly clock: Clock;
}): () => Promise<Health> {
  const { profile, judge, embedder, clock } = parts;
  const never = new AbortController().signal;
  const needed = askedBy(profile);
  const check = async (part: Judge | Embedder, isNeeded: boolean): Promise<Part> => {
    const failure = isNeeded ? await part.probe(never) : undefined;
    const problem = failure === undefined ? null : `${failure.cause}: ${failure.message}`;
    return { id: part.describe.id, problem };
  };
  const checkBoth = async (): Promise<Health> => {
    const [judged, embedded] = await Promise.all([
      check(judge, needed.judge),
      check(embedder, needed.embedder),
    ]);
    const isWell = judged.problem === null && embedded.problem === null;
    return { status: isWell ? 'ok' : 'failing', judge: judged, embedder: embedded };
  };
  let last: { readonly at: number; readonly health: Promise<Health> } | undefined;
  return () => {
    const now = clock.now();
    if (last === undefined || now - last.at >= freshMs) last = { at: now, health: checkBoth() };
    return last.health;
  };
}
