/** Where files are that the package brings along: assets and its package.json. */

/**
 * @param path From the package's own folder, e.g. `assets/tasks/`. This file lies two folders below it, as source and
 * as built code: rolldown.config.ts writes everything to folders of `dist/`.
 */
export function packageFile(path: string): URL {
  return new URL(`../../${path}`, import.meta.url);
}
