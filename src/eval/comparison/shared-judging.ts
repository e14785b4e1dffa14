/**
 * The judging that several results folders have in common. Scores of different judges differ by their
 * judges, so they are not compared.
 */
import { digestOf } from '../../core/digest.ts';
import { defined, fail } from '../../core/errors.ts';
import { judgingNames, readJudgingManifest } from '../results/layout.ts';
import type { JudgingManifest } from '../results/records.ts';

export type SharedJudging = {
  /** In each folder, in their order. */
  readonly names: readonly string[];
  readonly manifest: JudgingManifest;
};

type Known = {
  readonly name: string;
  readonly digest: string;
  readonly manifest: JudgingManifest;
};

/**
 * Judgings are the same where mode, number of votes and judges are, whatever their names.
 *
 * @param name chooses among several; judgings of this name in all folders must be the same
 * @throws MedixError 'run' where there is no such judging, or several and no name
 */
export async function findSharedJudging(
  folders: readonly string[],
  name: string | undefined,
): Promise<SharedJudging> {
  const known = await Promise.all(folders.map(readJudgings));
  const [first = [], ...rest] = known.map((judgings) =>
    judgings.filter((judging) => name === undefined || judging.name === name),
  );
  const shared = first.filter(({ digest }) =>
    rest.every((judgings) => judgings.some((judging) => judging.digest === digest)),
  );
  const [only, another] = shared;
  if (only === undefined) return failNone(folders, known, name);
  if (another !== undefined) return failSeveral(folders, shared);
  const names = [first, ...rest].map((judgings) => {
    const same = judgings.find(({ digest }) => digest === only.digest);
    return defined(same, 'shared judging').name;
  });
  return { names, manifest: only.manifest };
}

async function readJudgings(folder: string): Promise<Known[]> {
  const names = await judgingNames(folder);
  return Promise.all(
    names.map(async (name) => {
      const manifest = await readJudgingManifest(folder, name);
      const { mode, votes, judges } = manifest;
      return { name, manifest, digest: digestOf([mode, votes, judges.map((one) => one.digest)]) };
    }),
  );
}

function failNone(
  folders: readonly string[],
  known: readonly (readonly Known[])[],
  name: string | undefined,
): never {
  const listed = known.map((judgings, place) => {
    const shown = judgings.map(
      ({ name: one, digest, manifest }) =>
        `${one} (${manifest.mode}, ${manifest.judges.map(({ id }) => id).join(' and ')}, ${digest.slice(0, 8)})`,
    );
    return `${folders[place]}: ${shown.join(', ') || 'none'}`;
  });
  return fail('run', {
    where: name === undefined ? 'judgings' : `--judging ${name}`,
    expected: 'the same judges, votes and mode in every folder',
    got: listed.join('; '),
    next: 'judge all folders with the same judges (`medix eval judge`), then compare them',
  });
}

function failSeveral(folders: readonly string[], shared: readonly Known[]): never {
  return fail('run', {
    where: folders.join(', '),
    expected: 'one judging that all folders share',
    got: shared.map(({ name }) => name).join(', '),
    next: 'choose one with --judging',
  });
}
