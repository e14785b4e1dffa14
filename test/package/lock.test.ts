/** What `npm ci` installs: pinned by content on every platform, under licences that an Apache-2.0 package can ship with. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { z } from 'zod';

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string(),
      integrity: z.string().optional(),
      license: z.string().optional(),
      dev: z.boolean().default(false),
      optional: z.boolean().default(false),
    }),
  ),
});

const repository = new URL('../../', import.meta.url);
const lock = lockSchema.parse(
  JSON.parse(await readFile(new URL('package-lock.json', repository), 'utf8')),
);
const packages = Object.entries(lock.packages)
  .filter(([path]) => path !== '')
  .map(([path, facts]) => ({ ...facts, name: path.slice(path.lastIndexOf('node_modules/') + 13) }));
const production = packages.filter(({ dev }) => !dev);

/**
 * Permissive ones, and the LGPL, whose only user is sharp: it loads libvips as a shared library, which stays
 * replaceable.
 */
const allowed = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'LGPL-3.0-or-later',
  'MIT',
];
const lesserGpl = /^@img\/sharp-/;

function licencesOf(expression: string): string[] {
  return expression.split(/[\s()]+/).filter((word) => !['', 'AND', 'OR'].includes(word));
}

it('every package of every platform is pinned by the digest of its content', () => {
  const unpinned = packages.filter(
    ({ integrity = '' }) => !/^sha512-[\w+/]{86}==$/.test(integrity),
  );
  expect(unpinned.map(({ name }) => name)).toEqual([]);
});

it('every package that users install is under a licence of the list', () => {
  const others = production.filter(({ name, license = 'none' }) => {
    const licences = licencesOf(license);
    if (licences.includes('LGPL-3.0-or-later') && !lesserGpl.test(name)) return true;
    return licences.length === 0 || licences.some((licence) => !allowed.includes(licence));
  });
  expect(others.map(({ name, license }) => `${name}: ${license}`)).toEqual([]);
});

it('users install neither compiler, bundler nor runner of TypeScript', () => {
  const tools = /^(tsx|esbuild|@esbuild\/.*|typescript|vitest|vite|rollup)$/;
  expect(production.filter(({ name }) => tools.test(name))).toEqual([]);
});

it('docs/licences.md is the list of these packages', async () => {
  const licences = [...new Set(production.map(({ license = 'none' }) => license))].toSorted();
  const rows = licences.map((licence) => {
    const those = production.filter(({ license = 'none' }) => license === licence);
    const names = [...new Set(those.map(({ name }) => name))].toSorted();
    return `| ${licence} | ${names.join(', ')} |`;
  });
  const page = [
    '# Licences',
    '',
    'MediX is under Apache-2.0. Its dependencies, those of other platforms and optional ones among them, are under:',
    '',
    '| licence | packages |',
    '|---|---|',
    ...rows,
    '',
    'The LGPL is that of libvips, which sharp loads as a shared library. Packages that a user adds (`@huggingface/transformers`,',
    '`node-llama-cpp`, `tsx`) and models that a user names have licences of their own.',
    '',
    'The list is made from package-lock.json: `npx vitest run --project whole test/package/lock.test.ts -u`.',
    '',
  ].join('\n');
  await expect(page).toMatchFileSnapshot('../../docs/licences.md');
});
