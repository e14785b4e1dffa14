/**
 * Geometry of a model, from the files `transformers` writes. Everything the network, the positions and the
 * processor need is in one record; whatever its family cannot compute here is refused before any weight is read.
 */
import { join } from 'node:path';
import { fail, MedixError } from '../core/errors.ts';
import { familySchema, generationSchema } from './families/config-fields.ts';
import { families, familiesRead, familyNamed } from './families/families.ts';
import { broken, type Family, type ShapeProblem } from './families/family.ts';
import { requireModelFolder } from './files/identify.ts';
import { familyOf } from './files/model-families.ts';
import { type ModelFiles, parseModelFile, readFiles } from './files/model-files.ts';
import type { ModelConfig } from './geometry.ts';

export type { ModelConfig, TextConfig } from './geometry.ts';

/**
 * Reads `config.json` and, where present, `generation_config.json` of a checkpoint directory. Without the
 * latter, end and padding tokens come from `config.json`.
 *
 * Throws a `model` error when the directory is no model's, a file is not JSON, or describes a model that
 * cannot be computed here.
 */
export async function readModelConfig(directory: string): Promise<ModelConfig> {
  await requireModelFolder(directory);
  const files = await readFiles(directory, ['config.json', 'generation_config.json']);
  return parseModelConfig(files, directory);
}

/** The same from the files' content; `directory` only names them in errors. */
export function parseModelConfig(files: ModelFiles, directory: string): ModelConfig {
  const where = join(directory, 'config.json');
  const generationFile = join(directory, 'generation_config.json');
  const family = requireFamily(files, where);
  const generation =
    'generation_config.json' in files
      ? parseModelFile(files, 'generation_config.json', generationSchema, generationFile)
      : {};
  const config = family.read(files, where, generation);
  const problems = [...shapeProblems(config), ...family.problemsOf(config)].map((problem) => ({
    ...problem,
    where: `${where}: ${problem.where}`,
    next: `use a checkpoint of ${family.what} whose files are consistent`,
  }));
  if (problems.length > 0) throw new MedixError('model', problems);
  return config;
}

/** Another architecture is told as such, not as a list of the keys it does not have. */
function requireFamily(files: ModelFiles, where: string): Family {
  const { model_type: found } = parseModelFile(files, 'config.json', familySchema, where);
  return (
    familyNamed(found) ??
    fail('model', {
      where: `${where}: model_type`,
      expected: `one of ${Object.keys(families).join(', ')}`,
      got: shownFamily(found),
      next: `use a checkpoint of a family that is computed here (${familiesRead}); any other model can be evaluated behind a server (model.kind=openai), or trained by an engine of your own (engine.kind=module)`,
    })
  );
}

function shownFamily(found: unknown): string {
  if (found === undefined) return 'nothing';
  const shown = JSON.stringify(found).slice(0, 100);
  const what = typeof found === 'string' ? familyOf(found) : undefined;
  return what === undefined ? shown : `${shown}, ${what}`;
}

/** Sizes that contradict each other; each would otherwise surface as a wrong shape deep in the graph. */
function shapeProblems({ text, vision, tokens }: ModelConfig): readonly ShapeProblem[] {
  const key = vision === undefined ? '' : 'text_config.';
  const largest = Math.max(tokens.pad, ...tokens.eos);
  return broken([
    [
      Number.isInteger(text.headDim) && text.headDim % 2 === 0,
      `${key}head_dim`,
      'an even number',
      `${text.headDim}`,
    ],
    [
      text.heads % text.kvHeads === 0,
      `${key}num_key_value_heads`,
      `a divisor of ${text.heads} heads`,
      `${text.kvHeads}`,
    ],
    [
      largest < text.vocabSize,
      'eos_token_id, pad_token_id',
      `token ids below the vocabulary size ${text.vocabSize}`,
      `${largest}`,
    ],
  ]);
}
