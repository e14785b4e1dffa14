/** A server is examined before it trains, once a day for each model; training refuses on what it would not survive. */
import { join } from 'node:path';
import type { WallClock } from '../../../core/async/clock.ts';
import { digestOf } from '../../../core/digest.ts';
import { MedixError } from '../../../core/errors.ts';
import { foundAt, fromHome, readText } from '../../../core/files.ts';
import { makeFolder } from '../../../core/make-folder.ts';
import { writeAside } from '../../../core/write-aside.ts';
import type { ServerFindings } from '../tinker-engine.ts';
import type { Examined } from './bench.ts';
import { examine } from './doctor.ts';
import { faultsOf, type Verdict, verdictSchema } from './verdict.ts';

/** Servers are restarted with other versions under the same address. */
const freshMs = 24 * 3_600_000;

/**
 * @param asked `cache` is a folder that keeps verdicts
 * @throws MedixError 'engine' with every must that failed
 */
export async function requireFit(
  asked: Examined & { readonly cache: string },
  signal: AbortSignal,
  wallClock: WallClock = () => Date.now(),
): Promise<{ readonly findings: ServerFindings; readonly verdict: Verdict }> {
  const { client, baseModel, rank, images, cache } = asked;
  const readsImages = images !== undefined;
  const key = digestOf({ server: client.server, baseModel, rank, readsImages });
  const file = join(fromHome(cache), 'doctor', `${key.slice(0, 32)}.json`);
  const kept = await readKept(file);
  const isFresh = kept !== undefined && wallClock() - kept.at < freshMs;
  const verdict = isFresh ? kept : await examine({ ...asked, onlyMusts: true, wallClock }, signal);
  const findings = findingsOf(verdict);
  if (!isFresh) await keep(file, verdict);
  return { findings, verdict };
}

/** @throws MedixError 'engine' with every must that failed */
function findingsOf(verdict: Verdict): ServerFindings {
  const problems = faultsOf(verdict).map(({ asks, outcome }) => ({
    where: `${verdict.server}: ${asks}`,
    expected: 'yes, as a training needs it',
    got: outcome.kind === 'failed' ? outcome.found : '',
    next: 'use another server, or see all answers by medix doctor --engine tinker',
  }));
  const { normalisation, losses, blind } = verdict;
  if (problems.length > 0 || normalisation === null) throw new MedixError('engine', problems);
  return { normalisation, losses, ...(blind === null ? {} : { blind }) };
}

/** A file that cannot be understood is of another version: the server is examined anew. */
async function readKept(file: string): Promise<Verdict | undefined> {
  if ((await foundAt(file)) !== 'file') return undefined;
  try {
    return verdictSchema.safeParse(JSON.parse(await readText(file))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function keep(file: string, verdict: Verdict): Promise<void> {
  await makeFolder(join(file, '..'));
  const text = `${JSON.stringify(verdict, null, 2)}\n`;
  await writeAside(file, (append) => append(text));
}
