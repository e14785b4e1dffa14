/**
 * Code of the user's own: a judge, embedder, model or reward component, named as `./mine.ts#export`. Only
 * a config or the command line names it, never data: it runs with all rights of this process.
 */
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { digestOf, digestOfFile } from '../core/digest.ts';
import { fail, messageOf } from '../core/errors.ts';
import { foundAt, foundNames } from '../core/files.ts';
import { reading } from '../core/reading.ts';
import { locatePeer } from './optional-peer.ts';

export type LoadedModule = {
  /** As the config names it. */
  readonly reference: string;
  /** What the module exports under that name. */
  readonly value: unknown;
  /** Hexadecimal SHA-256 of the module's file and the export's name; not of what the module imports. */
  readonly digest: string;
};

/** @param where The config field that names the module, for messages. */
export type LoadModule = (reference: string, where: string) => Promise<LoadedModule>;

/**
 * Loads what a reference names. Its path starts at the working directory, as all paths of a config do.
 * TypeScript is read by Node itself from 22.18 on, before that by `tsx` where that is installed.
 *
 * @throws MedixError 'config' where there is no such file or export, or the module cannot be loaded.
 */
export const loadModule: LoadModule = async (reference, where) => {
  const hash = reference.lastIndexOf('#');
  const path = resolve(hash < 0 ? reference : reference.slice(0, hash));
  const name = hash < 0 ? 'default' : reference.slice(hash + 1);
  const place = `${where} ${reference}`;
  const asked = {
    boundary: 'config',
    where: place,
    expected: 'the path of a module, relative to the working directory',
    next: 'correct the path',
  } as const;
  const found = await reading(asked, () => foundAt(path));
  if (found !== 'file') {
    const { boundary, ...problem } = asked;
    fail(boundary, {
      ...problem,
      got: found === 'missing' ? `no file ${path}` : foundNames[found],
    });
  }
  const exported = await importFile(path, place);
  if (!Object.hasOwn(exported, name)) {
    const names = Object.keys(exported).filter((one) => !wrapperNames.includes(one));
    fail('config', {
      where: place,
      expected: name === 'default' ? 'a default export' : `an export ${name}`,
      got: names.length === 0 ? 'a module without exports' : `only ${names.join(', ')}`,
      next: 'name one of them after #, or export it',
    });
  }
  const digest = digestOf([await digestOfFile(path), name]);
  return { reference, value: exported[name], digest };
};

const method = z.custom<unknown>((value) => typeof value === 'function', 'no function');

/**
 * What judges, embedders and models of the user's own have in common; instances of classes pass as plain
 * objects do.
 * @param asked Name of the method that is asked.
 */
export function ownPartSchema(asked: string): z.ZodType {
  return z.looseObject(
    {
      describe: z.looseObject({ id: z.string('no text').min(1, 'empty') }, 'no object'),
      [asked]: method,
      probe: method.optional(),
      close: method.optional(),
    },
    'no object',
  );
}

/** The same of a part that says nothing of itself. */
export function ownFunctionSchema(asked: string): z.ZodType {
  return z.looseObject({ [asked]: method, close: method.optional() }, 'no object');
}

/**
 * Holds an export against what is expected of it.
 *
 * @param expected In words, e.g. `a judge: an object with describe.id and judge(items, signal)`.
 * @throws MedixError 'config' saying what is missing.
 */
export function requireShape(
  { reference, value }: LoadedModule,
  where: string,
  { expected, schema }: { readonly expected: string; readonly schema: z.ZodType },
): void {
  const result = schema.safeParse(value);
  if (result.success) return;
  const faults = result.error.issues.map(({ path, message }) =>
    [...path, 'is', message].join(' ').replace(/^is /, ''),
  );
  fail('config', {
    where: `${where} ${reference}`,
    expected,
    got: faults.join(', '),
    next: 'correct the export; docs/library.md has an example of each kind',
  });
}

type Exports = Readonly<Record<string, unknown>>;

async function importFile(path: string, where: string): Promise<Exports> {
  const load = /\.[cm]?ts$/.test(path) ? await typeScriptLoader(path, where) : importNatively;
  try {
    return withoutWrapper(await load(pathToFileURL(path).href));
  } catch (error) {
    return fail(
      'config',
      {
        where,
        expected: 'a module that can be loaded',
        got: messageOf(error),
        next: 'correct the module',
      },
      error,
    );
  }
}

const wrapperNames = ['__esModule', 'module.exports'];

/** A module that was compiled to CommonJS has its exports, the default one among them, behind `default`. */
function withoutWrapper(exported: Exports): Exports {
  const inner = exported['default'];
  const isWrapped = typeof inner === 'object' && inner !== null && '__esModule' in inner;
  return isWrapped ? { ...inner } : exported;
}

type Load = (url: string) => Promise<Exports>;

const importNatively: Load = (url) => import(url);

/** Two exports of one file share its state, as with any import; `tsx` alone would load it twice. */
const typeScriptModules = new Map<string, Promise<Exports>>();

/** The types of Node 20 do not know the field yet. */
const features: typeof process.features & { readonly typescript?: unknown } = process.features;

async function typeScriptLoader(path: string, where: string): Promise<Load> {
  if (features.typescript) return importNatively;
  const tsx = locatePeer('tsx/esm/api') ?? locatePeer('tsx/esm/api', dirname(path));
  if (tsx === undefined) {
    return fail('config', {
      where,
      expected: 'Node 22.18 or newer, which reads TypeScript, or the package tsx',
      got: `Node ${process.versions.node} without tsx`,
      next: 'run a newer Node, or: npm install tsx',
    });
  }
  // The CommonJS twin beside it cannot import ES modules.
  const { tsImport } = (await import(tsx.replace(/\.cjs$/, '.mjs'))) as {
    readonly tsImport: (url: string, parent: string) => Promise<Exports>;
  };
  return (url) => {
    const known = typeScriptModules.get(url) ?? tsImport(url, import.meta.url);
    typeScriptModules.set(url, known);
    return known;
  };
}
