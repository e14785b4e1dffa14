/** Commands that documents mention: npm scripts, and `medix` command lines by the real command tree. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import type { z } from 'zod';
import { createProgram } from '../../src/cli/main.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { MedixError } from '../../src/core/errors.ts';
import { changesProblems, configSchemas } from './config-keys.ts';
import type { PackageManifest, Repository } from './repository.ts';
import { readText, root } from './repository.ts';

const script = 'tsx src/cli/main.ts';

/** What npm itself does. */
const npmVerbs = ['ci', 'install', 'pack'];

export type CommandCheck = (words: readonly string[]) => Promise<string[]>;

/** Says what is wrong with the words of a command; nothing where it is none of this project's. */
export async function createCommandCheck({ manifest }: Repository): Promise<CommandCheck> {
  const program = await inertProgram();
  return async (words) => {
    const [name, first = '', ...rest] = words;
    if (name === 'medix') return medixProblems(program, words.slice(1));
    if (name === 'npx' && first === 'vitest') return vitestProblems(rest);
    if (name !== 'npm' || npmVerbs.includes(first)) return [];
    const [scriptName = '', ...others] = first === 'run' ? rest : [first, ...rest];
    return npmProblems(program, manifest, scriptName, others);
  };
}

/** The command tree with actions that do nothing. */
async function inertProgram(): Promise<Command> {
  const terminal = createTerminal({ isTTY: false, columns: 80, write: () => true });
  const program = await createProgram({
    context: { terminal, signal: new AbortController().signal, clock: () => 0 },
    printError: () => undefined,
  });
  const disarm = (command: Command): void => {
    if (command.commands.length === 0) command.action(() => undefined);
    for (const inner of command.commands) disarm(inner);
  };
  disarm(program);
  return program;
}

async function npmProblems(
  program: Command,
  { scripts }: PackageManifest,
  name: string,
  words: readonly string[],
): Promise<string[]> {
  const body = scripts[name];
  if (body === undefined) return [`package.json has no script ${name}`];
  if (!body.startsWith(script)) return [];
  const own = body.slice(script.length).split(' ').filter(Boolean);
  return medixProblems(program, [...own, ...words.filter((word) => word !== '--')]);
}

function vitestProblems(words: readonly string[]): string[] {
  const at = words.indexOf('--project');
  const project = words[at + 1] ?? '';
  const projects = [...readText('vitest.config.ts').matchAll(/name: '(\w+)'/g)].map(([, n]) => n);
  const problems =
    at < 0 || projects.includes(project) ? [] : [`vitest.config.ts has no project ${project}`];
  const path = words.find((word, i) => word.includes('/') && i !== at + 1);
  if (path === undefined || existsSync(join(root, path))) return problems;
  return [...problems, `${path} does not exist`];
}

/** A bare name of a command or of a group is a mention; more words must be a whole command line. */
async function medixProblems(program: Command, words: readonly string[]): Promise<string[]> {
  if (isName(program, words)) return [];
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? [] : [error.message];
  }
  return configProblems(commandOf(program, words));
}

function isName(program: Command, words: readonly string[]): boolean {
  return words.length > 0 && pathOf(commandOf(program, words)) === words.join(' ');
}

/** The innermost command that the words name. */
function commandOf(command: Command, [word, ...rest]: readonly string[]): Command {
  const inner = command.commands.find((one) => one.name() === word);
  return inner === undefined ? command : commandOf(inner, rest);
}

/** Names from the outermost to this one, without `medix`. */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? '' : `${pathOf(parent)} ${command.name()}`.trim();
}

/**
 * A config that is given in full is read as the command would read it. Where a part of it is left to the
 * reader (`CONFIG`, `--resume`, `…`) each change is checked on its own.
 */
async function configProblems(command: Command): Promise<string[]> {
  const words = command.args;
  const changes = words.filter((word) => word.includes('='));
  const schema = configSchemas[pathOf(command)];
  if (schema === undefined)
    return changes.map((change) => `${change}: not a command with a config`);
  const takesFile = command.registeredArguments[0]?.name() === 'config';
  const file = takesFile ? words.find((word) => !word.includes('=')) : undefined;
  const isLeftOpen =
    !takesFile ||
    command.getOptionValue('resume') !== undefined ||
    words.some((word) => word.endsWith('…')) ||
    (file !== undefined && isPlaceholder(file));
  if (isLeftOpen) return changesProblems(changes, [schema]);
  return readingProblems(schema, file, changes);
}

async function readingProblems(
  schema: z.ZodType,
  file: string | undefined,
  overrides: readonly string[],
): Promise<string[]> {
  try {
    const base = file === undefined ? {} : { base: join(root, file) };
    await readConfig(schema, { ...base, overrides });
    return [];
  } catch (error) {
    if (error instanceof MedixError) return [error.message];
    throw error;
  }
}

function isPlaceholder(file: string): boolean {
  return /^(<.+>|[A-Z]+(\.\w+)?)$/.test(file);
}
