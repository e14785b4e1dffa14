/**
 * The page of `medix view` into `dist/web`: one script and one style sheet, so that a static copy can hold both.
 * Nothing is written into the page itself: its policy allows no inline script.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
  },
});
