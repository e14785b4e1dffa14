import { createScriptedEngine } from '../../src/engine/scripted/scripted-engine.fixture.ts';
import { describeEngine } from './engine-suite.ts';

const open = async () => createScriptedEngine({ pieces: ['<X_RAY>', 'left', 'right', ' lung'] });
const { processor } = (await open()).model;

describeEngine('scripted', {
  open,
  variants: {},
  prompts: () =>
    Promise.all(
      ['which side?', 'which lung is affected?', 'is it the left or the right lung?'].map((text) =>
        processor.encode([{ role: 'user', content: [{ type: 'text', text }] }]),
      ),
    ),
  imagePrompt: { skip: 'an image enters its prompts as tokens' },
  weights: { skip: 'a parameter exists only after a gradient has touched it' },
});
