/** The local engine on a graphics device, where the machine has one. */
import { describe, it } from 'vitest';
import { messageOf } from '../../src/core/errors.ts';
import { openLocalEngine } from '../../src/engine/local/local-engine.ts';
import { requireDevice } from '../../src/engine/local/require-device.ts';
import { openThreadedEngine } from '../../src/engine/local/thread/threaded-engine.ts';
import { tinyCases, tinyModelDirectory, tinyPrompt } from '../../src/model/tiny-model.fixture.ts';
import { describeEngine } from './engine-suite.ts';

const never = new AbortController().signal;
const noDevice = await requireDevice('webgpu', false).then(() => undefined, messageOf);

function promptOf(name: string) {
  return tinyPrompt(tinyCases.find((candidate) => candidate.name === name)!);
}

const adapted = {
  kind: 'layered',
  base: 'f32',
  adapter: { settings: { rank: 4, alpha: 8, rankStabilized: false, targets: '.*' }, seed: 1 },
  cache: '',
  keptBytes: 0,
} as const;

const prompts = () => Promise.all(['text-only', 'two-images'].map(promptOf));
const weights = { skip: 'its gradients are compared with those of the processor' };
/** Several threads of a device add to one number in any order. */
const resumedRounding = 1e-4;

if (noDevice === undefined) {
  describe('computing every weight', () =>
    describeEngine('local', {
      open: () => openThreadedEngine(tinyModelDirectory, { device: 'webgpu' }, never),
      variants: { 'the processor': () => openLocalEngine(tinyModelDirectory) },
      prompts,
      imagePrompt: () => promptOf('enlarged'),
      weights,
      resumedRounding,
    }));
  describe('computing an adapter', () =>
    describeEngine('local', {
      open: () => openLocalEngine(tinyModelDirectory, { device: 'webgpu', network: adapted }),
      variants: {
        'the processor': () => openLocalEngine(tinyModelDirectory, { network: adapted }),
      },
      prompts,
      imagePrompt: () => promptOf('enlarged'),
      weights,
      resumedRounding,
    }));
} else {
  it.skip(`is not tested here: ${noDevice}`, () => {});
}
