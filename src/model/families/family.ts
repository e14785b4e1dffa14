/** What a family of models brings: how its config.json is read, checked and written. */
import type { Problem } from '../../core/errors.ts';
import type { ModelFiles } from '../files/model-files.ts';
import type { ModelConfig } from '../geometry.ts';
import type { EndFile } from './config-fields.ts';

/** `where` names a key of config.json. */
export type ShapeProblem = Omit<Problem, 'next'>;

export type Family = {
  /** For messages: models of this family. */
  readonly what: string;
  /** The class in `transformers`, as in `architectures`. */
  readonly architecture: string;
  /**
   * @param where `config.json` in messages
   * @param generation of generation_config.json, which counts before config.json
   * @throws MedixError 'model' that names each key which cannot be computed
   */
  readonly read: (files: ModelFiles, where: string, generation: EndFile) => ModelConfig;
  /** Sizes that contradict each other, beside those that are so in every family. */
  readonly problemsOf: (config: ModelConfig) => readonly ShapeProblem[];
  /** Keys of config.json beside `architectures`, `model_type` and `dtype`. */
  readonly write: (config: ModelConfig) => Readonly<Record<string, unknown>>;
};

/** Of rules [holds, key, expected, got], those that do not hold. */
export function broken(
  rules: readonly (readonly [boolean, string, string, string])[],
): ShapeProblem[] {
  return rules
    .filter(([holds]) => !holds)
    .map(([, where, expected, got]) => ({ where, expected, got }));
}
