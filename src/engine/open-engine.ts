/** The engine that a config names. Every command opens its engine here. */
import type { EngineConfig } from '../config/engine-config.ts';
import type { Engine } from './engine.ts';
import { openLocalEngine } from './local/local-engine.ts';

/**
 * @param model folder of the model in Hugging Face layout, whose weights are the policy's start and the
 *   reference
 * @throws MedixError 'model' or 'engine' when it cannot be opened
 */
export async function openEngine(config: EngineConfig, model: string): Promise<Engine> {
  switch (config.kind) {
    case 'local':
      return openLocalEngine(model);
  }
}
