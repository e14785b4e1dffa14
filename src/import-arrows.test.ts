/** The floor plan: which folder may import which. ARCHITECTURE.md shows the same lines. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Folders may import those of the lines above their own. Those of one line know nothing of each other. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  src: [
    'core',
    'config, run, statistics, tensor, image, cache',
    'http',
    'data, model, tinker',
    'chat, embed, engine',
    'judge',
    'rollout, reward, advantage, update',
    'train',
    'eval',
    'server, launch',
    'cli, library',
  ],
  'src/eval': [
    'results',
    'tasks',
    'answerers, judging, variants',
    'scoring, stages',
    'comparison, contamination, review, submission',
    'reports',
    'forecast, evaluation',
  ],
};

const root = fileURLToPath(new URL('../', import.meta.url));

type Import = { readonly from: string; readonly to: string };

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(name))
    .map((name) => join(folder, name));
}

/** Imports of values and of types, static and dynamic. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/^(?:import|export)[^;]*? from '(\.[^']+)'|import\('(\.[^']+)'\)/gm);
  return [...found].map(([, fixed, dynamic]) => ({
    from: file,
    to: relative(root, resolve(root, dirname(file), fixed ?? dynamic ?? '')),
  }));
}

const files = sourceFiles('src');
const imports = files.flatMap(importsOf);

describe.each(Object.entries(arrows))('in %s', (base, lines) => {
  const floors = lines.map((line) => line.split(', '));
  const floorOf = (file: string) => {
    const [folder] = relative(base, file).split('/');
    return { folder, floor: floors.findIndex((floor) => floor.includes(folder ?? '')) };
  };
  const inside = ({ from, to }: Import) => from.startsWith(`${base}/`) && to.startsWith(`${base}/`);

  it('every folder has its place', () => {
    const known = floors.flat();
    const folders = readdirSync(join(root, base), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(folders.sort()).toEqual(known.sort());
  });

  it('imports go to folders that stand before', () => {
    const wrong = imports.filter(inside).filter(({ from, to }) => {
      const [one, other] = [floorOf(from), floorOf(to)];
      return one.folder !== other.folder && one.floor >= 0 && other.floor >= one.floor;
    });
    expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });
});

it('no files import each other in a circle, by values or by types', () => {
  const next = new Map(files.map((file) => [file, [] as string[]]));
  for (const { from, to } of imports) next.get(from)?.push(to);
  const state = new Map<string, 'open' | 'done'>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]) => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      return;
    }
    state.set(file, 'open');
    for (const to of next.get(file) ?? []) visit(to, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

it('the command line reads few packages before it knows which command is asked for', () => {
  const statically = /^(?:import|export)(?! type)[^;]*? from '([^']+)'/gm;
  const read = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string) => {
    if (read.has(file)) return;
    read.add(file);
    for (const [, name = ''] of readFileSync(join(root, file), 'utf8').matchAll(statically)) {
      if (name.startsWith('.')) visit(relative(root, resolve(root, dirname(file), name)));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  };
  visit('src/cli/main.ts');
  expect([...packages].toSorted()).toEqual(['commander', 'zod']);
});

/** What reads the texts of strangers without bounds, and the one file that knows how to. */
const guarded = {
  "from '@huggingface/jinja'": 'src/core/jinja.ts',
  "from 'sharp'": 'src/image/',
} as const;

it.each(Object.entries(guarded))('%s stands in %s alone', (text, place) => {
  const users = files.filter((file) => readFileSync(join(root, file), 'utf8').includes(text));
  expect(users.filter((file) => !file.startsWith(place))).toEqual([]);
  expect(users).not.toEqual([]);
});

it('the parser of YAML is imported for its guard alone', () => {
  const parsing = /import \{[^}]*\bparse[^}]*\} from 'yaml'/;
  const users = files.filter((file) => parsing.test(readFileSync(join(root, file), 'utf8')));
  expect(users).toEqual(['src/core/yaml.ts']);
});

it('ARCHITECTURE.md shows this plan', () => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  for (const lines of Object.values(arrows)) expect(text).toContain(lines.join(' ← '));
});
