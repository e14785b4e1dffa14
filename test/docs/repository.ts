/** The files of the repository, and the text of those that can hold what a document mentions. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Document, parseMarkdown } from './markdown.ts';

export type Repository = {
  /** Files and folders, from the root. */
  readonly paths: readonly string[];
  /** Source of the program, its tests and its assets, and the configs of the recipes. */
  readonly source: string;
  /** Identifiers in the source. */
  readonly words: ReadonlySet<string>;
  readonly manifest: PackageManifest;
};

export type PackageManifest = {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
};

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Not part of a checkout: installed, built, or written by running the program. */
const passedOver = new Set(['.git', 'node_modules', 'dist', 'runs', 'evals']);

/** Unit tests and the tests of documents hold wrong examples. */
const isSource = (path: string) =>
  /^(src|test|bench|assets|recipes)\/.*\.(ts|mjs|js|py|yaml)$|^(package|tsconfig\.build)\.json$|^vitest\.config\.ts$/.test(
    path,
  ) && !/^src\/.*\.test\.ts$|^test\/docs\//.test(path);

const isDocument = (path: string) =>
  /^(README|ARCHITECTURE|CONTRIBUTING)\.md$|^(docs|recipes)\/.*\.md$|^test\/fixtures\/.*README\.md$/.test(
    path,
  );

export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export function readRepository(): Repository {
  const paths = [...walk(root)].map((path) => relative(root, path));
  const source = paths.filter(isSource).map(readText).join('\n');
  const manifest = JSON.parse(readText('package.json')) as PackageManifest;
  return { paths, source, words: wordsOf(source), manifest };
}

export function readDocuments({ paths }: Repository): Document[] {
  return paths.filter(isDocument).map((path) => parseMarkdown(path, readText(path)));
}

function wordsOf(source: string): Set<string> {
  return new Set(source.match(/[A-Za-z_]\w*/g));
}

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (passedOver.has(entry.name)) continue;
    const path = join(folder, entry.name);
    yield path;
    if (entry.isDirectory()) yield* walk(path);
  }
}
