/**
 * `dist/`: the command, the public entries and the engine's thread, with what they share in `parts/`. A few files are
 * read faster than hundreds. Everything lies in a folder of `dist/`, which `src/core/package-file.ts` counts on.
 * Declarations are made by `tsc`, a file each.
 */
import { readdirSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { BuildOptions } from 'rolldown';

const entries = readdirSync('src/library')
  .filter((name) => !name.endsWith('.test.ts') && name !== 'own-objects.ts')
  .map((name) => [`library/${name.replace(/\.ts$/, '')}`, `./src/library/${name}`] as const);

export default {
  input: {
    'cli/main': './src/cli/main.ts',
    'parts/engine-thread': './src/engine/local/thread/engine-thread.ts',
    ...Object.fromEntries(entries),
  },
  platform: 'node',
  // Packages are installed, not copied: each keeps its licence, its version and its native parts.
  // What rolldown writes for syntax that Node 20 lacks is no package of ours.
  external: (id) =>
    !id.startsWith('.') && !isAbsolute(id) && !id.startsWith('@oxc-project/runtime'),
  output: { dir: 'dist', format: 'esm', chunkFileNames: 'parts/[name].js' },
} satisfies BuildOptions;
