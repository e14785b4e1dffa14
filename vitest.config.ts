import { defineConfig } from 'vitest/config';

const globalSetup = 'test/build-command.ts';

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
          globalSetup,
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/engines/**'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      // Needs parts from package registries, prepared outside the repository; see test/integration/parts.ts.
      {
        test: {
          name: 'integration',
          globalSetup,
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      // Drives the clients and servers of others, prepared outside the repository; see docs/engine-service.md.
      {
        test: {
          name: 'engines',
          globalSetup,
          include: ['test/engines/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
