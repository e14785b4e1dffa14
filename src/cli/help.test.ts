import { describe, expect, it } from 'vitest';
import { runCli } from './main.ts';
import { packageVersion } from './run-facts.ts';

async function run(...argv: readonly string[]) {
  const printed: string[] = [];
  const errors: string[] = [];
  const print = (text: string) => {
    printed.push(text);
  };
  const code = await runCli(argv, {
    context: {
      terminal: { print, write: print, showStatus: () => {}, isInteractive: false },
      signal: new AbortController().signal,
      clock: () => 0,
    },
    printError: (line) => errors.push(line),
  });
  return { code, printed: printed.join('\n'), errors };
}

const commandsOf = (help: string) =>
  [...(help.split('Commands:')[1] ?? '').matchAll(/^ {2}([a-z-]+) \[options\]/gm)].map(
    ([, name]) => name ?? '',
  );

describe('medix', () => {
  it('tells its version', async () => {
    expect(await run('--version')).toEqual({
      code: 0,
      printed: await packageVersion(),
      errors: [],
    });
  });

  it('lists its commands, each of which explains itself', async () => {
    const { code, printed, errors } = await run('--help');
    expect({ code, errors }).toEqual({ code: 0, errors: [] });
    expect(commandsOf(printed)).toEqual(
      expect.arrayContaining(['train', 'sft', 'generate', 'logprobs']),
    );
    for (const command of commandsOf(printed)) {
      const help = await run(command, '--help');
      expect(help).toMatchObject({ code: 0, errors: [] });
      expect(help.printed).toMatch(new RegExp(`^Usage: medix ${command} `));
    }
  });
});
