/**
 * Paths that documents mention. In backticks a path stands from one of `roots`, or from the folder of the
 * path before it in the same paragraph, list item or table row; a link is relative to its document.
 * `<name>`, `NAME` and `*` stand for one name, `**` for any folders.
 */
import { posix } from 'node:path';
import type { Document, Problem } from './markdown.ts';
import type { Repository } from './repository.ts';

const { dirname, join } = posix;

/** Where paths in backticks may start, beside the folder of their document. */
const roots = ['.', 'src'];

const fileEnding =
  /\.(ts|mjs|js|json|jsonl|yaml|md|py|jinja|css|html|csv|zip|parquet|safetensors|webp|png|gguf)$/;

/** Checks spans that look like paths, and all links. */
export function pathProblems(
  document: Document,
  others: readonly Document[],
  repository: Repository,
  metricKeys: ReadonlySet<string>,
): Problem[] {
  return [
    ...spanProblems(document, repository, metricKeys),
    ...document.links.flatMap(({ line, target }) => {
      const message = linkProblem(target, document, others, repository);
      return message === undefined ? [] : [{ line, message }];
    }),
  ];
}

/** Whether a span is meant as a path, a route, a package or a metric key, all of which have slashes. */
export function isPathLike(text: string): boolean {
  if (!/^[\w@.~<>*,…/-]+$/.test(text) || text.replace(fileEnding, '') === '') return false;
  return text.includes('/') || fileEnding.test(text) || /^\.[a-z]/.test(text);
}

function spanProblems(
  { file, spans, fences }: Document,
  repository: Repository,
  metricKeys: ReadonlySet<string>,
): Problem[] {
  const problems: Problem[] = [];
  let before: { readonly folder: string; readonly block: number } | undefined;
  for (const { line, text, block } of spans) {
    if (!isPathLike(text) || fences.some(({ name }) => name === text)) continue;
    const folder = before?.block === block ? [before.folder] : [];
    const starts = [...new Set([...folder, dirname(file), ...roots])];
    const found = starts.map((start) => join(start, text)).find((path) => exists(path, repository));
    if (found !== undefined) {
      if (text.includes('/')) before = { folder: folderOf(found, repository), block };
    } else if (!isOtherName(text, repository, metricKeys)) {
      problems.push({
        line,
        message: `nothing is called ${text} (looked in ${starts.join(', ')})`,
      });
    }
  }
  return problems;
}

/** Whether a name with slashes, or of a file that is not there, is right all the same. */
function isOtherName(
  text: string,
  { paths, source, manifest }: Repository,
  metricKeys: ReadonlySet<string>,
): boolean {
  if (text.startsWith('@')) {
    return text in manifest.dependencies || text in manifest.peerDependencies;
  }
  if (/^[~/]/.test(text)) return source.includes(text);
  if ([...metricKeys].some((key) => isMatch(text, key))) return true;
  const [first = ''] = text.split('/');
  const isInside = text.includes('/') && roots.some((start) => paths.includes(join(start, first)));
  if (isInside || text.endsWith('.ts')) return false;
  return literals(text).every((part) => isWritten(part, source));
}

function linkProblem(
  target: string,
  document: Document,
  others: readonly Document[],
  repository: Repository,
): string | undefined {
  if (/^(https?|mailto):/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? document.file : join(dirname(document.file), path);
  if (path !== '' && !exists(file, repository)) return `the link ${target} leads nowhere`;
  if (anchor === undefined) return undefined;
  const linked = [document, ...others].find((one) => one.file === file);
  return linked?.anchors.has(anchor) ? undefined : `the link ${target} leads to no heading`;
}

/** @param path from the root, with or without placeholders. */
export function exists(path: string, { paths }: Repository): boolean {
  const plain = path.replace(/\/$/, '');
  if (plain === '.' || paths.includes(plain)) return true;
  const pattern = patternOf(plain);
  return hasPlaceholder(plain) && paths.some((one) => pattern.test(one));
}

/** Whether a name, its placeholders filled in, can be this one. */
export function isMatch(name: string, one: string): boolean {
  return patternOf(name).test(one);
}

function hasPlaceholder(path: string): boolean {
  return /[<*…]/.test(path) || path.split('/').some((part) => /^[A-Z]+$/.test(part));
}

/** Placeholders as patterns; a bare `*.test.ts` may lie in any folder. */
function patternOf(path: string): RegExp {
  const parts = path.split('/').map((part) => (/^[A-Z]+$/.test(part) ? '<name>' : part));
  const text = (path.startsWith('*.') ? ['**', ...parts] : parts).join('/');
  const source = text
    .replace(/[.+?^$()[\]{}|\\]/g, '\\$&')
    .replaceAll('**/', '\u0000')
    .replace(/<[^<>]+>|\*/g, '[^/]+')
    .replaceAll('…', '.*')
    .replaceAll('\u0000', '(?:.*/)?');
  return new RegExp(`^${source}$`);
}

/** The folder itself where the path is one, else the one it lies in; up to the first placeholder. */
function folderOf(path: string, { paths }: Repository): string {
  const plain = path.replace(/[^/]*[<*…].*$/, '').replace(/\/$/, '');
  const isFolder = plain !== path && path.startsWith(plain);
  return isFolder || paths.some((one) => one.startsWith(`${plain}/`)) ? plain : dirname(plain);
}

/** Names of a path that stand for themselves: placeholders and running numbers left out. */
function literals(path: string): string[] {
  return path
    .split('/')
    .filter((part) => !/^[A-Z]+$/.test(part))
    .flatMap((part) => part.split(/<[^<>]*>|\*+|…|\d{3,}/))
    .filter((part) => /[a-z]{2}/.test(part));
}

/** Whether a string of the source begins with this name or has it as a part, as that of a file it writes. */
function isWritten(name: string, source: string): boolean {
  return ["'", '"', '`', '/', '}'].some((mark) => source.includes(`${mark}${name}`));
}
