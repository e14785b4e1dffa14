/** The Tinker engine that a config names: the model's own files here, its weights on the server. */
import type { TinkerEngineConfig } from '../../config/engine-config.ts';
import type { TinkerAccess } from '../../config/environment.ts';
import { fail } from '../../core/errors.ts';
import { listed } from '../../core/quoted.ts';
import { readModelConfig } from '../../model/config.ts';
import { readModelFiles } from '../../model/files/model-files.ts';
import { openModelSource } from '../../model/files/model-source.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { createProcessor } from '../../model/processor.ts';
import { readImageSettings } from '../../model/vision/image-settings.ts';
import { connectTinker, type OfferedModel, type TinkerClient } from '../../tinker/client.ts';
import type { Engine, ModelDescription } from '../engine.ts';
import type { ImageReading } from './datums.ts';
import { requireFit } from './doctor/require-fit.ts';
import { createTinkerEngine } from './tinker-engine.ts';

/** A model as its files tell, before a server is asked. */
export type LocalFiles = { readonly model: ModelDescription; readonly images: ImageReading };

/** @throws MedixError 'model' where the folder holds no model of a known family */
export async function readLocalFiles(name: string): Promise<LocalFiles> {
  const { folder } = await openModelSource(name);
  const config = await readModelConfig(folder);
  const files = await readModelFiles(folder);
  const { vision, text } = config;
  const sizes = parameterSpecs(config).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  return {
    model: {
      id: name,
      contextLength: text.maxPositions,
      parameters: sizes.reduce((a, b) => a + b, 0),
      processor: createProcessor(files, config),
    },
    images:
      vision === undefined
        ? undefined
        : { settings: readImageSettings(files), placeholder: vision.tokens.image },
  };
}

/**
 * @param name folder of the model's config, tokenizer and processor files; weights are not read
 * @param use a server is examined before it trains
 * @throws MedixError 'config' without an address, 'engine' where the server does not know the model or the doctor finds
 *   what no training survives
 */
export async function openTinkerEngine(
  config: TinkerEngineConfig,
  name: string,
  use: { readonly kind: 'train'; readonly seed: number } | { readonly kind: 'answer' },
  access: TinkerAccess,
  signal: AbortSignal,
): Promise<Engine> {
  const files = await readLocalFiles(name);
  const client = await connect(config, access, signal);
  try {
    const base = await offeredModel(client, config.baseModel, name, signal);
    const model = describedBy(files.model, base, client);
    const { rank, checkpoint } = config;
    const asked = { client, ...files, model, baseModel: base.name, rank, cache: config.cache };
    const examined = await requireFit(asked, signal);
    return createTinkerEngine({
      ...asked,
      ...(use.kind === 'train' ? { seed: use.seed } : {}),
      ...(checkpoint === null ? {} : { checkpoint }),
      findings: examined.findings,
      facts: { server: client.server, baseModel: base.name, rank, doctor: examined.verdict },
    });
  } catch (error) {
    client.close();
    throw error;
  }
}

/** @throws MedixError 'config' where neither config nor environment names a server */
export function connect(
  { url: named }: Pick<TinkerEngineConfig, 'url'>,
  { url: fallback, apiKey }: TinkerAccess,
  signal: AbortSignal,
): Promise<TinkerClient> {
  const url = named ?? fallback;
  if (url === undefined) {
    return fail('config', {
      where: 'engine.url',
      expected: 'the address of a Tinker server',
      got: 'none, and no TINKER_BASE_URL',
      next: 'write engine.url=http://127.0.0.1:8000, or export TINKER_BASE_URL',
    });
  }
  return connectTinker({ url, ...(apiKey === undefined ? {} : { apiKey }) }, signal);
}

/**
 * The model on the server: as it is named, or as the folder is, or the only one.
 * @throws MedixError 'engine' where none of them is there
 */
export async function offeredModel(
  client: TinkerClient,
  named: string | null,
  folder: string,
  signal: AbortSignal,
): Promise<OfferedModel> {
  const models = await client.models(signal);
  const wanted = named ?? folder;
  const found = models.find(({ name }) => name === wanted);
  if (found) return found;
  const [only] = models;
  if (named === null && only && models.length === 1) return only;
  return fail('engine', {
    where: 'engine.baseModel',
    expected: `a model that ${client.server} offers: ${listed(models.map(({ name }) => name))}`,
    got: wanted,
    next: 'name one of them, or start the server with this model',
  });
}

/** The shorter context counts. */
function describedBy(
  model: ModelDescription,
  { name, maxContextLength = model.contextLength }: OfferedModel,
  { server }: TinkerClient,
): ModelDescription {
  return {
    ...model,
    contextLength: Math.min(model.contextLength, maxContextLength),
    setup: `${name} on ${server}`,
  };
}
