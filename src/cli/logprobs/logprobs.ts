/** `medix logprobs`: how likely a model finds given completions, token by token. */

import { localEngine } from '../../config/engine-config.ts';
import { formatFields } from '../../config/field-list.ts';
import { defined, fail, MedixError, type Problem } from '../../core/errors.ts';
import { exactJson } from '../../core/exact-json.ts';
import type { Engine } from '../../engine/engine.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { readModelConfig } from '../../model/config.ts';
import { readModelFiles } from '../../model/files/model-files.ts';
import { openModelSource } from '../../model/files/model-source.ts';
import { createProcessor } from '../../model/processor.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { findModelFor } from '../find-model-for.ts';
import { requireWritable, writeOut } from '../out-file.ts';
import { type EncodedRow, type RowEncoding, readRows, rowFields } from './completion-rows.ts';

type Options = {
  readonly model: string;
  readonly in: string;
  readonly out: string;
  readonly imageRoot?: string;
  readonly force?: true;
};

export const setUpLogprobs: SetUpCommand = (command, context) => {
  command
    .requiredOption(
      '--model <model>',
      'folder of a model in Hugging Face layout, or owner/name[@revision] of the hub',
    )
    .requiredOption('--in <file>', 'JSONL of prompts with completions')
    .requiredOption('--out <file>', 'JSONL of their tokens and logprobs, in the same order')
    .option(
      '--image-root <folder>',
      'folder of images that rows name by path (default: the folder of --in)',
    )
    .option('--force', 'replace an existing --out')
    .addHelpText('after', help)
    .action((options: Options) => scoreFile(options, context));
};

const help = `
Fields of a row of --in:
${formatFields(rowFields)}

A prompt becomes the one user message of a conversation in the model's chat format, images first.
The end-of-turn token is not appended to a completion, unless the row says "end": true.
Text does not always encode back to the tokens that a model has sampled: for those, give token ids.

A row of --out is {id, promptTokens, tokens, logprobs}: token ids of prompt and completion, and the
natural logarithm of each completion token's probability at temperature 1.
All rows are checked before the weights are read; --out is written when all of them are done.`;

/** Bounds the memory of a batch: prompts with their images, in tokens. */
const batchTokens = 4096;

/** Problems shown of those found. */
const shownProblems = 20;

async function scoreFile(options: Options, { terminal, signal }: CommandContext): Promise<void> {
  await requireWritable(options.out, options.force ?? false);
  const { imageRoot } = options;
  const { folder } = await findModelFor(options.model, { terminal, signal });
  const encoding = {
    ...(await openEncoding(folder)),
    ...(imageRoot === undefined ? {} : { imageRoot }),
  };
  const total = await checkRows(options.in, encoding, signal);
  await writeOut(options.out, async (append) => {
    const engine = await openEngine(localEngine, folder, { kind: 'answer' }, signal);
    try {
      let done = 0;
      for await (const batch of readBatches(options.in, encoding, signal)) {
        await append(await scoreBatch(engine, batch, signal));
        done += batch.length;
        terminal.showStatus(`scored ${done} of ${total} rows`);
      }
    } finally {
      await engine.close();
    }
  });
  terminal.print(`scored ${total} rows: ${options.out}`);
}

/** Tokenizer, image processor and limits of a model, without its weights. */
async function openEncoding(model: string): Promise<RowEncoding> {
  const { folder } = await openModelSource(model);
  const config = await readModelConfig(folder);
  return {
    processor: createProcessor(await readModelFiles(folder), config),
    vocabularySize: config.text.vocabSize,
    contextLength: config.text.maxPositions,
  };
}

/**
 * @returns the number of rows.
 * @throws MedixError 'data' with the first problems of all rows, and how many there are.
 */
async function checkRows(
  path: string,
  encoding: RowEncoding,
  signal: AbortSignal,
): Promise<number> {
  const problems: Problem[] = [];
  let rows = 0;
  let problemCount = 0;
  for await (const outcome of readRows(path, encoding, signal)) {
    rows++;
    if (outcome.kind === 'row') continue;
    problems.push(...outcome.problems.slice(0, shownProblems - problems.length));
    problemCount += outcome.problems.length;
  }
  const noRows = { where: path, expected: 'rows', got: 'none', next: 'give a file with rows' };
  if (rows === 0) fail('data', noRows);
  if (problemCount > problems.length) {
    problems.push({
      where: path,
      expected: 'no problems',
      got: `${problemCount}, of which these are the first ${problems.length}`,
      next: 'correct them and run the command again',
    });
  }
  if (problems.length > 0) throw new MedixError('data', problems);
  return rows;
}

async function* readBatches(
  path: string,
  encoding: RowEncoding,
  signal: AbortSignal,
): AsyncGenerator<readonly EncodedRow[]> {
  let batch: EncodedRow[] = [];
  let tokens = 0;
  for await (const outcome of readRows(path, encoding, signal)) {
    if (outcome.kind === 'rejected') throw new MedixError('data', outcome.problems);
    batch.push(outcome);
    tokens += outcome.sequence.prompt.tokens.length + outcome.sequence.completion.length;
    if (tokens < batchTokens) continue;
    yield batch;
    batch = [];
    tokens = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Scored rows as lines of JSON. */
async function scoreBatch(
  engine: Engine,
  batch: readonly EncodedRow[],
  signal: AbortSignal,
): Promise<string> {
  const sequences = batch.map(({ sequence }) => sequence);
  const logprobs = await engine.logprobs(sequences, 'policy', signal);
  const lines = batch.map(({ id, sequence }, i) =>
    exactJson({
      id,
      promptTokens: [...sequence.prompt.tokens],
      tokens: [...sequence.completion],
      logprobs: [...defined(logprobs[i], 'logprobs of a row')],
    }),
  );
  return lines.map((line) => `${line}\n`).join('');
}
