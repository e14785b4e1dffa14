import { describe, expect, it } from 'vitest';
import { openEngine } from './open-engine.ts';
import { createScriptedEngine } from './scripted/scripted-engine.fixture.ts';

const never = new AbortController().signal;
const config = { kind: 'module', module: './mine.ts#open' } as const;

function openWith(value: unknown) {
  return openEngine(config, 'models/mine', { kind: 'answer' }, never, async (reference) => ({
    reference,
    value,
    digest: 'd',
  }));
}

describe('an engine of the user', () => {
  it('is opened with the model and used as it is', async () => {
    const engine = createScriptedEngine({ pieces: ['yes', 'no'] });
    const models: string[] = [];
    const opened = await openWith(async (model: string) => {
      models.push(model);
      return engine;
    });
    expect(opened).toBe(engine);
    expect(models).toEqual(['models/mine']);
  });

  it.each([
    ['no function', {}, /engine\.module .*mine\.ts#open: expected a function \(model: string\)/],
    ['nothing', () => undefined, /expected an engine with model, guarantees and the methods/],
    [
      'an engine that lacks a verb',
      () => ({ ...createScriptedEngine({ pieces: ['yes'] }), optimStep: undefined }),
      /got optimStep is no function/,
    ],
    [
      'one that does not say what it guarantees',
      () => ({ ...createScriptedEngine({ pieces: ['yes'] }), guarantees: undefined }),
      /got guarantees is no object/,
    ],
  ])('that is %s is one clear error', async (_, value, message) => {
    await expect(openWith(value)).rejects.toThrow(message);
  });
});
