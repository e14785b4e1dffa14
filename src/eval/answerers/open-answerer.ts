/** The model under test that a config names. */
import { join } from 'node:path';
import { createOpenAiChatModel } from '../../chat/openai-chat-model.ts';
import type { HubAccess } from '../../config/environment.ts';
import type { EvalConfig, EvalModelConfig } from '../../config/eval-config.ts';
import { type LoadModule, loadModule } from '../../config/load-module.ts';
import type { Clock } from '../../core/async/clock.ts';
import { digestOf, digestOfFile } from '../../core/digest.ts';
import { fail } from '../../core/errors.ts';
import { entriesOf } from '../../core/files.ts';
import type { Message } from '../../core/message.ts';
import { rngFromKey } from '../../core/rng.ts';
import type { Sample } from '../../core/sample.ts';
import type { LedgerSummary } from '../../core/usage.ts';
import { findModel, modelNameOf } from '../../engine/find-model.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { createLedger, type Ledger } from '../../http/ledger.ts';
import { openModelSource } from '../../model/files/model-source.ts';
import type { Answerer } from './answerer.ts';
import { createChatAnswerer } from './chat.ts';
import { openFileAnswerer } from './file.ts';
import { createLocalAnswerer } from './local.ts';
import { ownAnswererIdOf, ownAnswererOf } from './own.ts';

export type AnswererContext = {
  readonly render: (sample: Sample) => readonly Message[];
  readonly clock: Clock;
  /** Of a model in this process. @default the public one */
  readonly hub?: HubAccess;
  /** Hears in one line how far the download of a model is. @default nobody */
  readonly onDownload?: (line: string) => void;
  readonly apiKey?: string;
  /** How code of the user's own is found. @default {@link loadModule} */
  readonly load?: LoadModule;
  /** What earlier runs of the same evaluation used, so that caps also count it. */
  readonly earlierUsage: LedgerSummary;
  /** Hears what answers do not get as the config asks for. @default nobody */
  readonly onWarning?: (warning: string) => void;
};

export type OpenedAnswerer = {
  readonly answerer: Answerer;
  /** As the config names it, but a model of the hub at its commit. */
  readonly model: EvalModelConfig;
  /** Absent for models in this process and for files, which cost nothing. */
  readonly ledger?: Ledger;
};

const moduleWhere = 'model.module';

/** Requests prepared while others are under way, so that no connection waits for the next. */
const ahead = 2;

/**
 * @throws MedixError where model, file or server cannot be used; a server is asked whether it is there
 */
export async function openAnswerer(
  { model, sampling }: Pick<EvalConfig, 'model' | 'sampling'>,
  context: AnswererContext,
  signal: AbortSignal,
): Promise<OpenedAnswerer> {
  const { render, clock, load = loadModule, onWarning = () => {} } = context;
  switch (model.kind) {
    case 'file':
      return { model, answerer: await openFileAnswerer(model.path, model.name, sampling.epochs) };
    case 'module': {
      const loaded = await load(model.module, moduleWhere);
      return { model, answerer: ownAnswererOf(loaded, moduleWhere, { render, sampling, clock }) };
    }
    case 'local': {
      const { hub = {}, onDownload: onProgress = () => {} } = context;
      const access = { hub, clock, onProgress };
      const { folder, name: path } = await findModel(model.engine, model.path, access, signal);
      const engine = await openEngine(model.engine, folder, { kind: 'answer' }, signal);
      const digest = await digestOfModel(folder);
      const describe = { id: await modelNameOf(model.path), kind: 'local', digest };
      const parts = { engine, describe, render, sampling, clock, onWarning };
      return { model: { ...model, path }, answerer: createLocalAnswerer(parts) };
    }
    case 'openai': {
      const ledger = createLedger({ prices: model.prices, cap: model.cap, charged: 'model' });
      ledger.merge(context.earlierUsage);
      const { apiKey } = context;
      const chat = createOpenAiChatModel(
        { ...model, ...(apiKey === undefined ? {} : { apiKey }) },
        { rng: rngFromKey(`model/${sampling.seed}`), clock, ledger, use: 'model' },
      );
      const failure = await chat.probe(signal);
      if (failure !== undefined) {
        await chat.close();
        failUnreachable(model.model, `${failure.cause}: ${failure.message}`);
      }
      const window = ahead * model.concurrency;
      const answerer = createChatAnswerer({ model: chat, render, sampling, window });
      return { model, answerer, ledger };
    }
  }
}

/** The name under which results are stored: that of the model, not of where it runs. */
export async function modelIdOf(model: EvalModelConfig): Promise<string> {
  switch (model.kind) {
    case 'module':
      return ownAnswererIdOf(await loadModule(model.module, moduleWhere), moduleWhere);
    case 'file':
      return model.name;
    case 'local':
      return modelNameOf(model.path);
    case 'openai':
      return model.model;
  }
}

/** Of all that answers depend on: with an adapter, of its base too. */
async function digestOfModel(path: string): Promise<string> {
  const { folder, adapter } = await openModelSource(path);
  const digest = await digestOfFolder(folder);
  if (adapter === undefined) return digest;
  return digestOf([digest, await digestOfFolder(adapter.folder)]);
}

/** Digest of all files of a model folder, names included. */
async function digestOfFolder(folder: string): Promise<string> {
  const entries = await entriesOf(folder);
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const digests: [name: string, digest: string][] = [];
  for (const name of names.toSorted()) {
    digests.push([name, await digestOfFile(join(folder, name))]);
  }
  return digestOf(digests);
}

function failUnreachable(model: string, got: string): never {
  fail('judge', {
    where: `model ${model}`,
    expected: 'an answer',
    got,
    next: 'start its server, or correct model.url, model.model or model.apiKeyEnv',
  });
}
