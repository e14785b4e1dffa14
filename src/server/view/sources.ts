/** Finds runs, evaluations, certificates and reward scores below the folders that are shown. */
import { basename, join, relative, sep } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import { entriesOf, foundAt, readText, streamFile } from '../../core/files.ts';
import { linesIn } from '../../core/lines.ts';

export type Source = {
  readonly id: string;
  readonly folder: string;
  readonly kind: 'run' | 'evaluation';
  /** The manifest as it is; whoever reads it looks at it by its schema. */
  readonly manifest: Readonly<Record<string, unknown>>;
};

export type OtherSource = {
  readonly id: string;
  readonly path: string;
  readonly kind: 'certificate' | 'reward-scores';
};

export type Sources = {
  readonly sources: readonly Source[];
  readonly others: readonly OtherSource[];
  readonly problems: readonly string[];
};

/** Folders within folders, e.g. `runs/study/seed-1`. */
const deepest = 4;

const partsOfRuns = new Set([
  ...['rollouts', 'images', 'checkpoints', 'model', 'attempts', 'node_modules', 'wandb'],
  ...['samples', 'responses', 'judgings', 'rejected', 'tensorboard', 'trackers'],
]);

export async function findSources(folders: readonly string[]): Promise<Sources> {
  const found: { sources: Source[]; others: OtherSource[]; problems: string[] } = {
    sources: [],
    others: [],
    problems: [],
  };
  for (const folder of folders) {
    const there = await foundAt(folder).catch(() => 'other' as const);
    if (there !== 'folder') {
      if (there !== 'missing') found.problems.push(`${folder} is no folder that can be read.`);
      continue;
    }
    await look(folder, folder, 0, found);
  }
  if (found.sources.length === 0 && found.others.length === 0) {
    found.problems.push(
      `There is no run and no evaluation in ${folders.join(' or ')}. \`medix quickstart --view\` makes one and shows it; \`medix view DIR\` shows those of another folder.`,
    );
  }
  return found;
}

async function look(
  root: string,
  folder: string,
  depth: number,
  found: { sources: Source[]; others: OtherSource[]; problems: string[] },
): Promise<void> {
  let entries: Awaited<ReturnType<typeof entriesOf>>;
  try {
    entries = await entriesOf(folder);
  } catch (error) {
    found.problems.push(messageOf(error));
    return;
  }
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  if (names.includes('manifest.json')) {
    const source = await readSource(root, folder, found);
    if (source !== undefined) found.sources.push(source);
    if (source !== undefined) return;
  }
  for (const name of names) {
    const path = join(folder, name);
    const kind = await kindOf(path);
    if (kind !== undefined) found.others.push({ id: idOf(root, path), path, kind });
  }
  if (depth === deepest) return;
  const below = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .filter(({ name }) => !partsOfRuns.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name } of below) await look(root, join(folder, name), depth + 1, found);
}

async function readSource(
  root: string,
  folder: string,
  found: { problems: string[] },
): Promise<Source | undefined> {
  const path = join(folder, 'manifest.json');
  try {
    const manifest: unknown = JSON.parse(await readText(path, 2 ** 24));
    if (typeof manifest !== 'object' || manifest === null || Array.isArray(manifest)) return;
    const record = manifest as Readonly<Record<string, unknown>>;
    const kind = 'tasks' in record ? 'evaluation' : 'config' in record ? 'run' : undefined;
    return kind && { id: idOf(root, folder), folder, kind, manifest: record };
  } catch (error) {
    found.problems.push(`${path} cannot be read: ${messageOf(error)}`);
    return undefined;
  }
}

/** Part of an address: the path below the folder that is shown, with the folder's name before it. */
function idOf(root: string, path: string): string {
  return [basename(root), ...relative(root, path).split(sep)].filter(Boolean).join('~');
}

async function kindOf(path: string): Promise<OtherSource['kind'] | undefined> {
  if (!/\.jsonl?$/.test(path)) return undefined;
  const head = await headOf(path);
  if (path.endsWith('.json')) {
    return head.includes('"judge"') && head.includes('"shipped"') ? 'certificate' : undefined;
  }
  return head.includes('"reward"') && head.includes('"components"') && !head.includes('"attempt"')
    ? 'reward-scores'
    : undefined;
}

async function headOf(path: string): Promise<string> {
  try {
    for await (const piece of streamFile(path)) return piece.subarray(0, 4096).toString();
  } catch {
    // It vanished, or is not to be read: then it is none.
  }
  return '';
}

/** The first rows of a file, those that can be read. */
export async function firstRows(path: string, count: number): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const { bytes } of linesIn(streamFile(path))) {
    if (rows.length === count) break;
    try {
      rows.push(JSON.parse(bytes?.toString() ?? ''));
    } catch {
      // Torn, or no row.
    }
  }
  return rows;
}
