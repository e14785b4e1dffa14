/** `medix export`: an adapter merged into its base, as a model that needs neither. */
import { join } from 'node:path';
import { Option } from 'commander';
import { fail, MedixError } from '../../core/errors.ts';
import { type MergedType, mergeAdapter } from '../../engine/local/merge-adapter.ts';
import { identify } from '../../model/files/identify.ts';
import { openModelSource } from '../../model/files/model-source.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { measureMerge } from './measure-merge.ts';

type Options = { readonly merge: string; readonly dtype?: MergedType };

export const setUpExport: SetUpCommand = (command, context) => {
  command
    .argument('<out>', 'folder for the model, which must not exist yet')
    .requiredOption('--merge <folder>', 'the adapter: its folder, or the run that trained it')
    .addOption(
      new Option('--dtype <type>', "type of the weights (default: the base's own)").choices([
        'bf16',
        'f32',
      ] satisfies MergedType[]),
    )
    .addHelpText('after', help)
    .action((out: string, options: Options) => exportMerged(out, options, context));
};

const help = `
The adapter is added in float32 to the weights of the base as they were published, also where it was trained
on 8-bit or 16-bit copies of them. What that changes is measured by a few answers, and printed.
The model has the base's files: the same names, tokenizer and image settings byte for byte.`;

async function exportMerged(
  out: string,
  { merge, dtype }: Options,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const folder = await adapterFolderOf(merge);
  const source = await openModelSource(folder);
  const { adapter } = source;
  if (adapter === undefined) return failNoAdapter(merge, 'a model without an adapter');
  const onProgress = (done: number, total: number) =>
    terminal.showStatus(`merging: ${Math.floor((100 * done) / total)} %`);
  await mergeAdapter({ ...source, adapter }, out, dtype, { signal, onProgress });
  terminal.print(`merged ${folder} with its base ${source.folder}: ${out}`);
  const format = adapter.trainedOn?.format;
  if (format === undefined || format === 'f32') return;
  terminal.showStatus('comparing with what was trained');
  try {
    const { tokens, mean, largest } = await measureMerge({ adapter: folder, format, out }, signal);
    terminal.print(
      `logprobs of ${tokens} tokens of answers differ by ${mean.toFixed(4)} on average and ${largest.toFixed(4)} at most from those of the adapter on its base in ${format}, where it was trained`,
    );
  } catch (error) {
    // The model is there all the same.
    if (!(error instanceof MedixError) || signal.aborted) throw error;
    terminal.print(
      `how much it differs from what was trained in ${format} is not known: ${error.message}`,
    );
  }
}

async function adapterFolderOf(path: string): Promise<string> {
  for (const folder of [path, join(path, 'model')]) {
    if ((await identify(folder)).kind === 'adapter') return folder;
  }
  const found = await identify(path);
  if (found.kind === 'other') return failNoAdapter(path, found.what, found.next);
  return failNoAdapter(path, found.kind === 'gguf' ? 'a GGUF file' : 'a whole model');
}

function failNoAdapter(path: string, got: string, next?: string): never {
  return fail('model', {
    where: `--merge ${path}`,
    expected: 'the folder of an adapter, or of a run that trained one',
    got,
    next: next ?? 'use it as it is: there is nothing to merge',
  });
}
