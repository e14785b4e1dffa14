/** The Tinker engine over real HTTP: what every engine promises, and the same numbers as in this process. */
import { afterAll, beforeAll } from 'vitest';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import { readLocalFiles } from '../../src/engine/tinker/open-tinker-engine.ts';
import { createTinkerEngine } from '../../src/engine/tinker/tinker-engine.ts';
import {
  startTinkerServer,
  type TinkerServer,
} from '../../src/engine/tinker/tinker-server.fixture.ts';
import type { Prompt } from '../../src/model/prompt.ts';
import { tinyCases, tinyModelDirectory, tinyPrompt } from '../../src/model/tiny-model.fixture.ts';
import { connectTinker } from '../../src/tinker/client.ts';
import { describeEngine } from './engine-suite.ts';

const files = await readLocalFiles(tinyModelDirectory);
let server: TinkerServer;
let averaging: TinkerServer;
beforeAll(async () => {
  const open = () => openLocalEngine(tinyModelDirectory);
  server = await startTinkerServer(open, files.images);
  averaging = await startTinkerServer(open, files.images, { averages: true });
});
afterAll(async () => {
  await server.close();
  await averaging.close();
});

function promptOf(name: string): Promise<Prompt> {
  return tinyPrompt(tinyCases.find((candidate) => candidate.name === name)!);
}

describeEngine('tinker', {
  open: async () =>
    createTinkerEngine({
      ...files,
      client: await connectTinker({ url: server.url }),
      baseModel: 'tiny',
      rank: 0,
      findings: { normalisation: 'sum over tokens', samplerLogprobs: 'exact' },
    }),
  variants: {
    'a server that averages over tokens and sequences': async () =>
      createTinkerEngine({
        ...files,
        client: await connectTinker({ url: averaging.url }),
        baseModel: 'tiny',
        rank: 0,
        findings: {
          normalisation: 'mean over the tokens of a sequence, mean over the sequences of a step',
          samplerLogprobs: 'exact',
        },
      }),
  },
  prompts: () => Promise.all(['text-only', 'conversation', 'two-images'].map(promptOf)),
  imagePrompt: () => promptOf('enlarged'),
  weights: { skip: 'weights are on the server' },
});
