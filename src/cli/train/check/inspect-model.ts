/**
 * Which model is trained, and whether it fits this machine. Neither weights are read nor memory is taken for them; a
 * model of the hub is described by its small files.
 */
import type { TrainConfig } from '../../../config/train-config.ts';
import { MedixError } from '../../../core/errors.ts';
import { findModel, type ModelAccess } from '../../../engine/find-model.ts';
import { type Machine, type NetworkPlan, planNetwork } from '../../../engine/local/plan-network.ts';
import { type ModelConfig, readModelConfig } from '../../../model/config.ts';
import { families } from '../../../model/families/families.ts';
import type { AdapterConfig } from '../../../model/files/adapter-config.ts';
import { type ModelFiles, readModelFiles } from '../../../model/files/model-files.ts';
import { openModelSource } from '../../../model/files/model-source.ts';
import { parameterSpecs } from '../../../model/parameters.ts';
import { requireFittingData } from '../../../train/require-fitting-data.ts';
import { publishedModel } from './published-models.ts';
import {
  type Attempt,
  attempt,
  look,
  notChecked,
  type Remark,
  remarksOf,
  type Section,
  sectionOf,
  stops,
} from './section.ts';

export type ModelFacts = {
  /** As training would find it, at a commit where it is of the hub. */
  readonly name: string;
  readonly architecture: string;
  readonly readsImages: boolean;
  readonly parameters: number;
  /** Prompt and completion together, in tokens. */
  readonly contextLength: number;
  /** Where its sizes come from: its own files, or what is known of models of this name. */
  readonly source: 'files' | 'publication';
  /** Null where it does not fit. */
  readonly plan: {
    /** How weights are kept and what is trained. */
    readonly setup: string;
    readonly peakBytes: number;
    /** Tokens of one pass. */
    readonly passTokens: number | null;
  } | null;
  /** Of the machine, as far as this process may use it. */
  readonly memoryBytes: number;
};

/** What the other parts of a plan need to know of a model. */
export type KnownModel = {
  /** Undefined where only its published sizes are known. */
  readonly files: ModelFiles | undefined;
  readonly config: ModelConfig;
  readonly fits: boolean;
};

export type InspectedModel = {
  readonly section: Section<ModelFacts>;
  /** Undefined where nothing is known, e.g. of the model of an engine of the user's own. */
  readonly known: KnownModel | undefined;
};

export async function inspectModel(
  config: TrainConfig,
  access: ModelAccess,
  machine: Machine,
  signal: AbortSignal,
): Promise<InspectedModel> {
  if (config.engine.kind !== 'local') {
    const text =
      config.engine.kind === 'module'
        ? 'The engine is your own: what its model needs is known to it alone.'
        : 'The engine is on a server: whether it can train this model, medix doctor finds out.';
    return { section: sectionOf<ModelFacts>(null, [notChecked(text)]), known: undefined };
  }
  const described = await attempt(signal, () => describe(config, access, signal));
  const found = described.kind === 'done' ? described : await fromPublication(config, signal);
  const before = remarksOf(described);
  if (found.kind === 'stopped') {
    // Who knows the model says more than who could not ask.
    return {
      section: sectionOf<ModelFacts>(null, unique([...found.remarks, ...before])),
      known: undefined,
    };
  }
  const { value } = found;
  const planned = await attempt(signal, () =>
    planNetwork(
      localEngineOf(config),
      value.config,
      { kind: 'train', seed: config.seed },
      machine,
      value.adapter,
    ),
  );
  const sees = await attempt(signal, () =>
    requireFittingData(kindOf(value.config), config.data.textOnly),
  );
  const facts = factsOf(value, planned, machine);
  const section = sectionOf(facts, [
    ...before,
    ...(described.kind === 'done' ? [] : [notChecked(fromPublicationText)]),
    ...remarksOf(planned),
    ...remarksOf(sees),
    ...memoryRemarks(facts, config),
  ]);
  return {
    section,
    known: { files: value.files, config: value.config, fits: planned.kind === 'done' },
  };
}

type Description = {
  readonly name: string;
  readonly files: ModelFiles | undefined;
  readonly config: ModelConfig;
  readonly adapter: AdapterConfig | undefined;
};

async function describe(
  { engine, model }: TrainConfig,
  access: ModelAccess,
  signal: AbortSignal,
): Promise<Description> {
  const { folder, name } = await findModel(engine, model, access, signal, 'all-but-weights');
  const source = await openModelSource(folder);
  const config = await readModelConfig(source.folder);
  return { name, files: await readModelFiles(source.folder), config, adapter: source.adapter };
}

const fromPublicationText =
  'Sizes are those that the model was published with: neither its tokenizer nor its weights are here, so that prompts and sampling are not checked.';

async function fromPublication(
  { model }: TrainConfig,
  signal: AbortSignal,
): Promise<Attempt<Description>> {
  return attempt(signal, () => {
    const config = publishedModel(model);
    // What could not be found is told already.
    if (config === undefined) throw new MedixError('model', []);
    return { name: model, files: undefined, config, adapter: undefined };
  });
}

function localEngineOf({ engine }: TrainConfig) {
  if (engine.kind === 'local') return engine;
  throw new Error('internal: only a local engine is planned here');
}

function kindOf({ family, vision }: ModelConfig) {
  return { architecture: families[family].architecture, readsImages: vision !== undefined };
}

function factsOf(
  { name, files, config }: Description,
  planned: Attempt<NetworkPlan>,
  { memoryBytes }: Machine,
): ModelFacts {
  const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  return {
    name,
    ...kindOf(config),
    parameters: parameterSpecs(config).reduce((sum, { shape }) => sum + count(shape), 0),
    contextLength: config.text.maxPositions,
    source: files === undefined ? 'publication' : 'files',
    plan:
      planned.kind === 'stopped'
        ? null
        : {
            setup: planned.value.setup,
            peakBytes: planned.value.peakBytes,
            passTokens: planned.value.limits.maxBatchTokens ?? null,
          },
    memoryBytes,
  };
}

function memoryRemarks(
  { contextLength, plan, memoryBytes }: ModelFacts,
  { rollout: { maxCompletionTokens } }: TrainConfig,
): Remark[] {
  const found: Remark[] = [];
  if (contextLength <= maxCompletionTokens) {
    found.push(
      stops(
        `The context of ${contextLength} tokens has no room for a prompt beside a completion of ${maxCompletionTokens} (rollout.maxCompletionTokens).`,
      ),
    );
  }
  if (plan === null) return found;
  if (plan.peakBytes > memoryBytes) {
    found.push(
      look('engine.memory is more than this process may use: the system may end the run.'),
    );
  }
  if (plan.passTokens !== null && plan.passTokens < maxCompletionTokens) {
    found.push(
      look(
        `A pass is planned for ${plan.passTokens.toLocaleString('en')} tokens, but one completion may have ${maxCompletionTokens.toLocaleString('en')} and is never cut in parts: long ones take more memory than planned.`,
      ),
    );
  }
  return found;
}

function unique(remarks: readonly Remark[]): Remark[] {
  return [...new Map(remarks.map((remark) => [remark.text, remark])).values()];
}
