import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Whole-program tests mostly wait for processes of their own; one worker would leave a core idle.
    maxWorkers: 2,
    projects: [
      {
        // One module cache for all files of a worker: half of the time would go into importing them anew.
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'web/**/*.test.ts'],
          testTimeout: 30_000,
          isolate: false,
        },
      },
      {
        test: {
          name: 'whole',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      // Needs parts from package registries, prepared outside the repository; see test/integration/parts.ts.
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
