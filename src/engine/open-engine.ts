/** The engine that a config names. Every command opens its engine here. */
import { z } from 'zod';
import type { EngineConfig } from '../config/engine-config.ts';
import { readTinkerAccess } from '../config/environment.ts';
import { type LoadModule, loadModule, requireShape } from '../config/load-module.ts';
import { readModelConfig } from '../model/config.ts';
import { openModelSource } from '../model/files/model-source.ts';
import type { Engine } from './engine.ts';
import { planNetwork, thisMachine, type Use } from './local/plan-network.ts';
import { openThreadedEngine } from './local/thread/threaded-engine.ts';
import { openTinkerEngine } from './tinker/open-tinker-engine.ts';

/** What a module exports that brings an engine: opens the model of a folder. */
export type OpenOwnEngine = (model: string) => Promise<Engine> | Engine;

/**
 * @param use whether it will be trained, and the seed of what training adds to it
 * @param model folder of the model in Hugging Face layout, or of an adapter that names its base; its weights
 *   are the policy's start and the reference
 * @param signal ends the opening; a model of several gigabytes takes a while
 * @throws MedixError 'model' or 'engine' when it cannot be opened, 'config' when a module brings no engine
 */
export async function openEngine(
  config: EngineConfig,
  model: string,
  use: Use,
  signal: AbortSignal,
  load: LoadModule = loadModule,
): Promise<Engine> {
  switch (config.kind) {
    case 'local': {
      const { folder, adapter } = await openModelSource(model);
      const modelConfig = await readModelConfig(folder);
      const plan = await planNetwork(config, modelConfig, use, thisMachine, adapter);
      return openThreadedEngine(model, plan, signal);
    }
    case 'tinker':
      return openTinkerEngine(config, model, use, readTinkerAccess(), signal);
    case 'module':
      return openOwnEngine(config.module, model, load);
  }
}

const where = 'engine.module';

const method = z.custom<unknown>((value) => typeof value === 'function', 'no function');

const opener = {
  expected: 'a function (model: string) => Promise<Engine>',
  schema: method,
};

const verbs = [
  'sample',
  'logprobs',
  'forwardBackward',
  'optimStep',
  'save',
  'load',
  'exportModel',
  'close',
] as const satisfies readonly (keyof Engine)[];

const opened = {
  expected: `an engine with model, guarantees and the methods ${verbs.join(', ')}`,
  schema: z.looseObject(
    {
      model: z.looseObject({ id: z.string('no text') }, 'no object'),
      guarantees: z.looseObject(
        { samplerLogprobs: z.enum(['exact', 'approximate']), losses: z.array(z.string()) },
        'no object',
      ),
      ...Object.fromEntries(verbs.map((verb) => [verb, method])),
    },
    'no object',
  ),
};

async function openOwnEngine(reference: string, model: string, load: LoadModule): Promise<Engine> {
  const loaded = await load(reference, where);
  requireShape(loaded, where, opener);
  const engine = await (loaded.value as OpenOwnEngine)(model);
  requireShape({ ...loaded, value: engine }, where, opened);
  return engine;
}
