/** Command lines with something wrong, and the files that they name; all of it follows from a key. */
import { cp, link, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { type Rng, rngFromKey } from '../../src/core/rng.ts';
import { type BaseLine, baseLines } from './base-lines.ts';
import {
  damaged,
  hostileContents,
  hostileTexts,
  withOtherSection,
  withOtherValue,
} from './hostile.ts';
import type { CommandFacts } from './tree.ts';

export type FuzzCase = {
  readonly argv: readonly string[];
  readonly prints: number;
  /** What is wrong with it, for people. */
  readonly changes: readonly string[];
};

type Draft = { argv: string[]; readonly rng: Rng; readonly command: CommandFacts };

/** Changes a command line, or a file that it names. @returns what it did; undefined where there is nothing to change. */
type Change = (draft: Draft) => Promise<string | undefined> | string | undefined;

/** Makes the case of a key in the present folder, its own files below `case/` and `out/`. */
export async function makeCase(key: string, tree: readonly CommandFacts[]): Promise<FuzzCase> {
  const rng = rngFromKey(key);
  await prepareFolders();
  const { command, base } = drawLine(tree, rng);
  const draft: Draft = { argv: [...command.name.split(' '), ...base.argv], rng, command };
  await copyWhatIsWritten(draft);
  const changes: string[] = [];
  for (let left = rng.integer(4) === 0 ? 2 : 1, tries = 0; left > 0 && tries < 20; tries++) {
    const change = await rng.pick(kinds)(draft);
    if (change === undefined) continue;
    changes.push(change);
    left--;
  }
  return { argv: draft.argv, prints: base.prints ?? 1000, changes };
}

async function prepareFolders(): Promise<void> {
  for (const folder of ['case', 'out', 'runs', 'evals'])
    await rm(folder, { recursive: true, force: true });
  await mkdir('case/empty', { recursive: true });
  await mkdir('out/folder', { recursive: true });
  await writeFile('out/taken', 'precious\n');
  await writeFile('out/folder/precious', 'precious\n');
  await symlink('nowhere', 'out/link');
}

function drawLine(tree: readonly CommandFacts[], rng: Rng) {
  const lines = tree.flatMap((command) =>
    (baseLines[command.name] ?? []).map((base) => ({ command, base })),
  );
  const weightOf = ({ base }: { base: BaseLine }) => base.weight ?? 1;
  let left = rng.next() * lines.reduce((sum, line) => sum + weightOf(line), 0);
  for (const line of lines) {
    left -= weightOf(line);
    if (left < 0) return line;
  }
  throw new Error('no command has a line to begin with');
}

/** Paths of the world within words, e.g. in `model={kind: file, path: data/answers.jsonl}`. */
const named =
  /(?<=^|[=:,[ ])(?:data|tasks|model|run|results|other|review)(?:\/[\w.-]+)*(?=$|[,\]} ])/g;

/** What commands may go on with. */
const folders = ['run', 'results', 'other', 'review'];

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** What commands may go on with is given as a copy, so that the next case finds the world as it was. */
async function copyWhatIsWritten(draft: Draft): Promise<void> {
  const first = draft.command.name.split(' ').length;
  for (const folder of folders) {
    if (
      draft.argv
        .slice(first)
        .some((word) => [...word.matchAll(named)].some(([path]) => path === folder))
    ) {
      await copyFolder(folder, `case/${folder}`);
      draft.argv = draft.argv.map((word, at) =>
        at < first
          ? word
          : word.replace(named, (path) => (path === folder ? `case/${folder}` : path)),
      );
    }
  }
}

/** Large files by hard links: nothing is written in place. */
async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyFolder(source, target);
    else if ((await stat(source)).size > 100_000) await link(source, target);
    else await cp(source, target);
  }
}

type Reference = { readonly word: number; readonly at: number; readonly path: string };

function references({ argv }: Draft): Reference[] {
  const known =
    /(?<=^|[=:,[ ])(?:case(?:\/[\w.-]+)+|(?:data|tasks|model)(?:\/[\w.-]+)*)(?=$|[,\]} ])/g;
  return argv.flatMap((text, word) =>
    [...text.matchAll(known)]
      .filter(({ 0: path }) => !path.includes('..'))
      .map(({ 0: path, index }) => ({ word, at: index, path })),
  );
}

function replaceReference({ argv }: Draft, { word, at, path }: Reference, next: string): void {
  const text = argv[word] ?? '';
  argv[word] = text.slice(0, at) + next + text.slice(at + path.length);
}

/** Of the words after those that name the command. */
function positionIn({ argv, rng, command }: Draft): number {
  const first = command.name.split(' ').length;
  return first + rng.integer(Math.max(1, argv.length - first));
}

const changeWords: Change = (draft) => {
  const { argv, rng } = draft;
  const at = positionIn(draft);
  switch (rng.integer(5)) {
    case 0:
      return `without word ${at} (${argv.splice(at, 1)})`;
    case 1:
      argv.push(argv[at] ?? '');
      return `with word ${at} once more`;
    case 2:
      argv.splice(at, 0, rng.pick(hostileTexts));
      return `with another word at ${at}`;
    case 3:
      argv[at] = rng.pick(hostileTexts);
      return `with something else as word ${at}`;
    default:
      argv.push(...Array.from({ length: 3000 }, (_, n) => `more${n}`));
      return 'with 3,000 words more';
  }
};

const changeOption: Change = ({ argv, rng, command: { options } }) => {
  if (options.length === 0) return undefined;
  const { flag, takesValue } = rng.pick(options);
  const value = rng.pick(hostileTexts);
  const at = argv.indexOf(flag);
  if (!takesValue) {
    argv.push(flag);
    return `with ${flag}`;
  }
  if (rng.integer(8) === 0) {
    argv.push(flag);
    return `with ${flag} without a value`;
  }
  if (at >= 0 && rng.integer(2) === 0) argv[at + 1] = value;
  else if (rng.integer(3) === 0) argv.push(`${flag}=${value}`);
  else argv.push(flag, value);
  return `with a value of ${flag}`;
};

const changeField: Change = ({ argv, rng, command: { fields } }) => {
  if (fields.length === 0) return undefined;
  const field = rng.pick(fields);
  switch (rng.integer(8)) {
    case 0:
      argv.push(...Array.from({ length: 3000 }, (_, n) => `${field}${n}=1`));
      return '3,000 unknown fields';
    case 1: {
      const key = rng.pick(['__proto__', 'constructor', 'toString', 'x', '0', '', ' ']);
      argv.push(`${field}.${key}=${rng.pick(hostileTexts)}`);
      return `a field inside of ${field}`;
    }
    case 2: {
      const section = field.split('.').slice(0, -1).join('.') || field;
      argv.push(`${section}=${rng.pick(hostileTexts)}`);
      return `another value of section ${section}`;
    }
    default:
      argv.push(`${field}=${rng.pick(hostileTexts)}`);
      return `another value of ${field}`;
  }
};

const changePath: Change = async (draft) => {
  const found = references(draft);
  if (found.length === 0) return undefined;
  const reference = draft.rng.pick(found);
  await symlink('nowhere', 'case/dangling').catch(() => {});
  await symlink('loop', 'case/loop').catch(() => {});
  const next = draft.rng.pick([
    ...[
      'case/missing',
      'case/empty',
      'case/dangling',
      'case/loop',
      'data',
      'tasks',
      'data/rows.jsonl',
      'data/image.png',
    ],
    ...[
      'case/missing/deeper',
      'data/rows.jsonl/deeper',
      'case/../data',
      '../x',
      '/dev/null',
      '.',
      'phantoms',
    ],
    ...[
      `${reference.path}/`,
      `./${reference.path}`,
      `${reference.path}/..`,
      `${reference.path}@split`,
      reference.path.toUpperCase(),
    ],
    ...[
      'data/train.parquet',
      'data/profile.yaml',
      'model',
      'data/certificate.json',
      'data/journal.jsonl',
    ],
    ...folders.map((folder) => `case/${folder}`),
  ]);
  const other = folders.find((folder) => next === `case/${folder}`);
  if (other !== undefined && !(await exists(next))) await copyFolder(other, next);
  replaceReference(draft, reference, next);
  return `${next} instead of ${reference.path}`;
};

const changeOut: Change = (draft) => {
  const { argv, rng } = draft;
  const at = argv.findIndex((word) => /^(out=)?out\/new/.test(word));
  if (at < 0) return undefined;
  const next = rng.pick([
    ...[
      'out/taken',
      'out/folder',
      'out/link',
      'out/taken/new',
      'out/missing/new',
      '.',
      '..',
      '/dev/null',
      '/dev/null/new',
    ],
    ...[
      'data/rows.jsonl',
      'model',
      'tasks',
      'case/empty',
      `out/${'x'.repeat(300)}`,
      'out/a b',
      'out/肺',
      'out/\u202e',
    ],
  ]);
  argv[at] = (argv[at] ?? '').replace(/out\/new.*/, next);
  return `${next} as the place of the output`;
};

const changeFile: Change = async (draft) => {
  const found = references(draft);
  if (found.length === 0) return undefined;
  const { rng } = draft;
  const reference = rng.pick(found);
  const entry = await stat(reference.path).catch(() => undefined);
  if (entry === undefined) return undefined;
  if (entry.isFile()) {
    const copy = join('case', `${rng.integer(1e9)}${extname(reference.path)}`);
    const change = await changeContent(reference.path, copy, rng);
    replaceReference(draft, reference, copy);
    return `${reference.path} ${change}`;
  }
  if (!reference.path.startsWith('case/')) {
    const copy = `case/${reference.path}`;
    if (!(await exists(copy))) await copyFolder(reference.path, copy);
    replaceReference(draft, reference, copy);
    return changeInside(copy, rng);
  }
  return changeInside(reference.path, rng);
};

/** Changes one file of a folder, or a few. */
async function changeInside(folder: string, rng: Rng): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
  if (files.length === 0) return `${folder} as it is`;
  const path = rng.pick(files);
  switch (rng.integer(12)) {
    case 0:
      await rm(path);
      return `${path} missing`;
    case 1:
      await rm(path);
      await mkdir(path);
      return `${path} a folder`;
    case 2:
      await rm(path);
      await symlink('nowhere', path);
      return `${path} a link to nothing`;
    case 3:
      await rm(dirname(path), { recursive: true });
      return `${dirname(path)} missing`;
    default:
      return `${path} ${await changeContent(path, path, rng)}`;
  }
}

async function changeContent(from: string, to: string, rng: Rng): Promise<string> {
  const before = await readFile(from);
  const write = async (content: Buffer | string): Promise<void> => {
    // A new file, never the one that others have links to.
    await rm(to, { force: true });
    await writeFile(to, content);
  };
  const isText = before.length < 200_000 && !before.includes(0);
  const draws = rng.integer(10);
  if (isText && draws < 4) {
    const other = withOtherValue(before.toString(), rng);
    if (other !== undefined) return write(other).then(() => 'with another value');
  }
  if (isText && draws < 6) {
    const other = withOtherSection(before.toString(), rng);
    if (other !== undefined) return write(other).then(() => 'with another section');
  }
  if (draws < 8) return write(damaged(before, rng)).then(() => 'damaged');
  const name = rng.pick(Object.keys(hostileContents));
  return write(hostileContents[name] ?? '').then(() => `replaced by ${name}`);
}

/** As often as they stand here. */
const kinds: readonly Change[] = [
  changeWords,
  changeOption,
  changeOption,
  changeField,
  changeField,
  changePath,
  changePath,
  changeOut,
  changeFile,
  changeFile,
  changeFile,
  changeFile,
  changeFile,
  changeFile,
];
