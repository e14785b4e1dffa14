/** What every command line must hold to, whatever is wrong with it. */
import { lstat, readdir } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { FuzzCase } from './make-case.ts';
import type { Ended } from './run-line.ts';

export type Files = ReadonlyMap<string, string>;

/** Every file and link of the present folder, with what changes when somebody writes it. */
export async function filesHere(folder = '.'): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      for (const [inner, state] of await filesHere(path)) files.set(inner, state);
    } else {
      const { size, mtimeMs, ino } = await lstat(path);
      files.set(path, `${size} ${mtimeMs} ${ino}`);
    }
  }
  return files;
}

/** Where commands write unless they are told otherwise. */
const defaultPlaces = ['runs/', 'evals/', 'certificate.json', 'judge-certificate.json'];

export function faultsOf({ argv }: FuzzCase, ended: Ended, before: Files, after: Files): string[] {
  return [...faultsOfEnd(argv, ended), ...faultsOfFiles(argv, before, after)];
}

function faultsOfEnd(argv: readonly string[], { code, output, errors }: Ended): string[] {
  const told = `${output}\n${errors}`;
  // Rows of a data set are for programs, and whole.
  const forPeople = argv[1] === 'samples' || argv.includes('--json') ? errors : told;
  const lines = forPeople.split('\n');
  return [
    ...(told.includes('defect of MediX') || /^ {4}at /m.test(told) ? ['a stack trace'] : []),
    ...([0, 1, 2, 130].includes(code) ? [] : [`exit code ${code}`]),
    ...(code !== 0 && errors.trim() === '' ? ['fails without a word'] : []),
    ...(code === 1 && !/expected [\s\S]+, got [\s\S]*; /.test(errors) ? ['an unclear error'] : []),
    ...(code === 2 && !/^error: /m.test(errors) && !/Usage: /.test(told)
      ? ['an unclear error']
      : []),
    ...(forPeople.length > 65_536 ? [`prints ${forPeople.length} characters`] : []),
    ...(lines.some((line) => line.length > 2100) ? ['prints an endless line'] : []),
    ...(/(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(told)
      ? ['prints control characters']
      : []),
  ];
}

function faultsOfFiles(argv: readonly string[], before: Files, after: Files): string[] {
  const values = argv.flatMap((word) => [word, word.slice(word.indexOf('=') + 1)]);
  const named = values.filter((word) => !/^[./]*$/.test(word)).map((word) => normalize(word));
  const isNamed = (path: string) =>
    values.some((word) => /^\.?[./]*$/.test(word) && word !== '') ||
    [...named, ...defaultPlaces].some((place) => path.startsWith(place.replace(/\/$/, '')));
  const isOwn = (path: string) => path.startsWith('case/') || path.startsWith('cache/');
  const mayReplace = argv.includes('--force');
  const faults: string[] = [];
  for (const [path, state] of before) {
    const now = after.get(path);
    if (now === undefined && !path.includes('.unfinished-')) faults.push(`${path} is lost`);
    else if (now !== undefined && now !== state && !isOwn(path) && !(mayReplace && isNamed(path))) {
      faults.push(`${path} is changed`);
    }
  }
  for (const path of after.keys()) {
    if (!before.has(path) && !isNamed(path)) faults.push(`${path} is written`);
  }
  return faults;
}
