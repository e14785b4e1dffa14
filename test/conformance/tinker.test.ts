/** The Tinker engine over real HTTP, on the engine service and on a server that averages: what every engine promises. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import { createTinkerEngine } from '../../src/engine/tinker/tinker-engine.ts';
import {
  startTinkerServer,
  type TinkerServer,
} from '../../src/engine/tinker/tinker-server.fixture.ts';
import type { Prompt } from '../../src/model/prompt.ts';
import { tinyCases, tinyModelDirectory, tinyPrompt } from '../../src/model/tiny-model.fixture.ts';
import {
  type ServedEngine,
  startTinyService,
  tinyFiles,
} from '../../src/server/engine/served-engine.fixture.ts';
import { connectTinker } from '../../src/tinker/client.ts';
import { describeEngine } from './engine-suite.ts';

let folder: string;
let service: ServedEngine;
let averaging: TinkerServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'medix-tinker-'));
  // Each test makes a model of its own and leaves it on the server.
  service = await startTinyService(folder, { maxModels: 64 });
  const open = () => openLocalEngine(tinyModelDirectory);
  averaging = await startTinkerServer(open, tinyFiles.images, { averages: true });
});
afterAll(async () => {
  await service.close();
  await averaging.close();
  await rm(folder, { recursive: true });
});

function promptOf(name: string): Promise<Prompt> {
  return tinyPrompt(tinyCases.find((candidate) => candidate.name === name)!);
}

describeEngine('tinker', {
  open: async () =>
    createTinkerEngine({
      ...tinyFiles,
      client: await connectTinker({ url: service.url }),
      baseModel: 'tiny',
      rank: 0,
      findings: { normalisation: 'sum over tokens', losses: ['ppo', 'cispo'] },
    }),
  variants: {
    'a server that averages over tokens and sequences': async () =>
      createTinkerEngine({
        ...tinyFiles,
        client: await connectTinker({ url: averaging.url }),
        baseModel: 'tiny',
        rank: 0,
        findings: {
          normalisation: 'mean over the tokens of a sequence, mean over the sequences of a step',
          losses: ['ppo', 'cispo'],
        },
      }),
  },
  prompts: () => Promise.all(['text-only', 'conversation', 'two-images'].map(promptOf)),
  imagePrompt: () => promptOf('enlarged'),
  weights: { skip: 'weights are on the server' },
});
