/** `medix view`: the local page that shows runs and evaluations. */
import { join } from 'node:path';
import { Option } from 'commander';
import { systemClock } from '../../core/async/clock.ts';
import { fail, messageOf } from '../../core/errors.ts';
import { foundAt, fromHome } from '../../core/files.ts';
import { exportView } from '../../server/view/export.ts';
import { openLiveData } from '../../server/view/live-data.ts';
import { readPageFiles } from '../../server/view/page-files.ts';
import { serveView } from '../../server/view/serve.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { wholeNumber } from '../option-values.ts';
import { requireWritable, writeOut } from '../out-file.ts';
import { openBrowser } from './open-browser.ts';

type Options = {
  readonly port: number;
  readonly open: boolean;
  readonly json: boolean;
  readonly export?: string;
  readonly images: boolean;
  readonly withRestricted: boolean;
  readonly force: boolean;
};

const defaultFolders = ['runs', 'evals'];
const defaultPort = 8200;

export const setUpView: SetUpCommand = (command, context) => {
  command
    .argument('[dir...]', 'runs, evaluations, or folders of them (default: runs and evals here)')
    .option(
      '--port <number>',
      'port of 127.0.0.1; 0 takes any free one',
      wholeNumber(0),
      defaultPort,
    )
    .option('--open', 'open the page in the browser', false)
    .addOption(
      new Option('--json', 'print the link as one JSON record').default(false).conflicts('export'),
    )
    .option(
      '--export <out>',
      'write a copy that opens from disk without a server: a file that ends in .html, or a folder for view.html',
    )
    .option('--no-images', 'with --export: leave images out')
    .option('--with-restricted', 'with --export: also samples of tasks that are not public', false)
    .option('--force', 'with --export: replace an existing file', false)
    .action(async (words: string[], options: Options) => {
      const folders = await foldersOf(words);
      if (options.export !== undefined) return exportTo(options.export, folders, options, context);
      await serve(folders, options, context);
    });
};

async function foldersOf(words: readonly string[]): Promise<string[]> {
  if (words.length === 0) return [...defaultFolders];
  const folders = words.map(fromHome);
  for (const folder of folders) {
    const found = await foundAt(folder);
    if (found === 'folder') continue;
    fail('config', {
      where: folder,
      expected: 'a run, an evaluation, or a folder of them',
      got: found === 'missing' ? 'no such folder' : 'something else than a folder',
      next: 'correct the path',
    });
  }
  return folders;
}

async function serve(
  folders: readonly string[],
  { port, open, json }: Options,
  { terminal, signal, clock }: CommandContext,
): Promise<void> {
  await serveView(
    {
      folders,
      port,
      clock: systemClock,
      wallClock: clock,
      onListening: (link) => {
        if (json) terminal.printJson({ link });
        else terminal.print(`Runs and evaluations of ${folders.join(' and ')}:\n  ${link}`);
        if (!json) terminal.print('The link is for you alone. Ctrl-C ends it.');
        if (open) openBrowser(link);
      },
      onFailure: (error) => terminal.print(`failed: ${messageOf(error)}`),
    },
    signal,
  );
}

async function exportTo(
  out: string,
  folders: readonly string[],
  { images, withRestricted, force }: Options,
  { terminal, clock }: CommandContext,
): Promise<void> {
  const isFolder =
    !out.endsWith('.html') && (await foundAt(out).catch(() => 'missing')) === 'folder';
  const path = isFolder ? join(out, 'view.html') : out;
  await requireWritable(path, force);
  const page = await readPageFiles();
  const data = openLiveData(folders, clock);
  try {
    const { html, leftOut } = await exportView(data, page, { images, restricted: withRestricted });
    await writeOut(path, (append) => append(html));
    for (const one of leftOut) terminal.print(`left out ${one}`);
    terminal.print(`the copy is in ${path}`);
  } finally {
    data.close();
  }
}
