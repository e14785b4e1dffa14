/** `medix judge labels`: what people said about answers in `medix view`, as labelled answers for `medix judge certify`. */
import { fail } from '../../core/errors.ts';
import { isRightBy, type LabelLine, readLabels } from '../../run/labels.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { requireWritable, writeOut } from '../out-file.ts';

type Options = { readonly out: string; readonly force: boolean };

export const setUpJudgeLabels: SetUpCommand = (command, context) => {
  command
    .argument('<dir...>', 'runs and evaluations in which answers were labelled')
    .requiredOption('--out <file>', 'JSONL file to write, for `medix judge certify probes=FILE`')
    .option('--force', 'replace an existing file', false)
    .action((folders: string[], options: Options) => collect(folders, options, context));
};

async function collect(
  folders: readonly string[],
  { out, force }: Options,
  { terminal }: CommandContext,
): Promise<void> {
  await requireWritable(out, force);
  const lines: LabelLine[] = [];
  for (const folder of folders) lines.push(...(await readLabels(folder)).values());
  const rows = lines.flatMap((line) => rowOf(line) ?? []);
  if (rows.length === 0) {
    fail('data', {
      where: folders.join(', '),
      expected: 'answers that were labelled right, wrong or judge wrong',
      got: lines.length === 0 ? 'no labels' : `${lines.length} labels that say neither`,
      next: 'label answers in `medix view`',
    });
  }
  await writeOut(out, (append) => append(rows.map((row) => `${JSON.stringify(row)}\n`).join('')));
  terminal.print(`${rows.length} labelled answers are in ${out}`);
  terminal.print(`to try a judge on them: medix judge certify probes=${out} judge.url=…`);
}

/** Undefined where the label does not say, or there is nothing that a judge could be asked. */
function rowOf(line: LabelLine) {
  const correct = isRightBy(line);
  const { question, reference, accepted, answer, key } = line;
  if (correct === undefined || reference === '') return undefined;
  const others = accepted.length === 0 ? {} : { accepted };
  return { id: key, category: 'labelled', question, reference, ...others, answer, correct };
}
