/** Files and folders are read by `core/files.ts`, which waits for nothing and says what it refuses. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('.', import.meta.url));

/** What makes, moves or deletes, and opens nothing that is there. */
const harmless = ['link', 'mkdir', 'mkdirSync', 'mkdtemp', 'rename', 'rm', 'writeFile'];

/** Everything else that is imported from `node:fs`, with the reason. */
const exceptions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'looks whether the folder is there that it was to make': { 'core/make-folder.ts': ['stat'] },
  'is the way to read': {
    'core/files.ts': ['constants', 'lstat', 'open', 'readdir', 'realpath', 'stat', 'statfs'],
  },
  'opens what it made itself, and folders to flush them': { 'core/write-aside.ts': ['open'] },
  'goes on with, or makes, files of its own': {
    'engine/hub/checked-file.ts': ['open'],
    'engine/local/weights/integer-file.ts': ['open'],
    'launch/bundle/trainer-data.ts': ['createWriteStream'],
    'launch/serving/serve-models.ts': ['createWriteStream'],
    'server/engine/training-log.ts': ['open'],
    'tinker/journal.ts': ['open'],
  },
  'interprets a graph in this thread, for tests': {
    'tensor/rules/frozen.ts': ['closeSync', 'openSync', 'readSync'],
  },
  'uses a file that is open already': {
    'reward/offline/growing-file.ts': ['appendFileSync', 'fstatSync'],
  },
  'reads of the system what a process is, in files that have no length': {
    'run/attempt.ts': ['readFile'],
  },
  'hears of changes and reads nothing': { 'server/view/changes.ts': ['watch'] },
  'asks where this program itself lies': { 'cli/main.ts': ['realpathSync'] },
};

/** Names of values that a file imports from `node:fs`; `*` for the whole module. */
function importedNames(text: string): string[] {
  const named = /^import \{([^}]*)\} from '(?:node:)?fs(?:\/promises)?';/gm;
  const names = [...text.matchAll(named)].flatMap(([, list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type ')),
  );
  const rest = text.replaceAll(named, '').replaceAll(/^import type .*$/gm, '');
  return /['"](?:node:)?fs(?:\/promises)?['"]/.test(rest) ? [...names, '*'] : names;
}

function readsIn(file: string): string[] {
  const names = importedNames(readFileSync(join(root, file), 'utf8'));
  return [...new Set(names.filter((name) => !harmless.includes(name)))].sort();
}

it('no other file reads by itself', () => {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(name),
  );
  const found = files.flatMap((file) => {
    const reads = readsIn(file);
    return reads.length === 0 ? [] : [[file, reads] as const];
  });
  const allowed = Object.assign({}, ...Object.values(exceptions));
  expect(Object.fromEntries(found)).toEqual(allowed);
});

it.each([
  ["import { mkdir, readFile, type Stats } from 'node:fs/promises';", ['mkdir', 'readFile']],
  ["import type { FileHandle } from 'node:fs/promises';", []],
  ["import * as files from 'node:fs';", ['*']],
  ["import files from 'fs';", ['*']],
  ["const { readFileSync } = await import('node:fs');", ['*']],
  ["const files = require('fs');", ['*']],
])('sees the reads of %s', (text, names) => {
  expect(importedNames(text)).toEqual(names);
});
