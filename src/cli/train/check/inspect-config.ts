/** What a config comes to, and settings that do not go together although each is allowed. */
import { listFields } from '../../../config/field-list.ts';
import { type TrainConfig, trainConfigSchema } from '../../../config/train-config.ts';
import { requireNewRun } from '../../../run/run-writer.ts';
import { type Algorithm, resolveAlgorithm } from '../../../train/algorithm.ts';
import { attempt, look, type Remark, remarksOf, type Section, sectionOf } from './section.ts';

export type ConfigFacts = {
  /** Every field, defaults filled in. */
  readonly config: TrainConfig;
  /** The preset with the config's deviations laid over it. */
  readonly algorithm: Algorithm;
  /** Dotted paths of fields that are not at their defaults, with their values. */
  readonly given: Readonly<Record<string, unknown>>;
  /** Of those, the `key=value` changes of the command line. */
  readonly overrides: readonly string[];
  readonly rolloutsPerIteration: number;
  readonly optimizerSteps: number;
};

export async function inspectConfig(
  config: TrainConfig,
  overrides: readonly string[],
  signal: AbortSignal,
): Promise<Section<ConfigFacts>> {
  const { rollout, iterations, optimizer } = config;
  const facts = {
    config,
    algorithm: resolveAlgorithm(config.algorithm, rollout.maxCompletionTokens),
    given: givenFields(config),
    overrides,
    rolloutsPerIteration: rollout.promptsPerIteration * rollout.groupSize,
    optimizerSteps: iterations * optimizer.epochsPerIteration * optimizer.stepsPerIteration,
  };
  const place = await attempt(signal, () => requireNewRun(config.out));
  return sectionOf(facts, [...remarksOf(place), ...oddities(config, facts.optimizerSteps)]);
}

function oddities(config: TrainConfig, steps: number): Remark[] {
  const { iterations, rollout, optimizer, validation, checkpoint, data } = config;
  const { promptsPerIteration } = rollout;
  const { stepsPerIteration, warmupSteps } = optimizer;
  const found: Remark[] = [];
  if (promptsPerIteration % stepsPerIteration !== 0) {
    found.push(
      look(
        `${promptsPerIteration} groups in ${stepsPerIteration} steps: some steps have one group more than others.`,
      ),
    );
  }
  if (warmupSteps >= steps) {
    found.push(
      look(
        `optimizer.warmupSteps is ${warmupSteps}, but the run has ${steps} steps: the learning rate never reaches its peak.`,
      ),
    );
  }
  if (data.validation === null) {
    found.push(
      look(
        'There is no validation set (data.validation): nothing will tell whether held-out questions are answered better.',
      ),
    );
  } else if (validation.every > iterations && !validation.beforeTraining) {
    found.push(
      look(
        `validation.every is ${validation.every}: only the last of ${iterations} iterations is validated.`,
      ),
    );
  }
  if (checkpoint.every >= iterations && iterations > 20) {
    found.push(
      look(
        `checkpoint.every is ${checkpoint.every}: a run that is killed before its end starts over.`,
      ),
    );
  }
  return found;
}

/** The least that a config must say; what it says is no default. */
const least = { model: ' ', data: { train: ' ' } };

function givenFields(config: TrainConfig): Record<string, unknown> {
  const withoutConfig = new Map(leaves(trainConfigSchema.parse(least)));
  // Of sections that are there only when they are asked for, the schema alone knows the defaults.
  const documented = new Map(
    listFields(trainConfigSchema).map((field) => [field.path, field.default]),
  );
  const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
  return Object.fromEntries(
    leaves(config).filter(
      ([path, value]) =>
        !isSame(withoutConfig.get(path), value) && !isSame(documented.get(path), value),
    ),
  );
}

function leaves(value: unknown, path = ''): [path: string, value: unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) =>
    leaves(inner, path === '' ? key : `${path}.${key}`),
  );
}
