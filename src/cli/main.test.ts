import { describe, expect, test } from 'vitest';
import { packageVersion } from '../run/run-facts.ts';
import { runCli } from './main.ts';
import { createTerminal } from './terminal.ts';

async function run(...argv: string[]) {
  const output: string[] = [];
  const errors: string[] = [];
  const stream = { isTTY: false, columns: 80, write: (text: string) => output.push(text) > 0 };
  const code = await runCli(argv, {
    context: {
      terminal: createTerminal(stream),
      signal: new AbortController().signal,
      clock: () => 0,
    },
    printError: (line) => errors.push(line),
  });
  return { code, output: output.join(''), errors: errors.join('\n') };
}

describe('the command line', () => {
  test('tells its version', async () => {
    const output = `${await packageVersion()}\n`;
    expect(await run('--version')).toEqual({ code: 0, output, errors: '' });
  });

  test('lists its commands, each of which explains itself', async () => {
    const { code, output } = await run('--help');
    expect(code).toBe(0);
    const commands = [...output.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name!);
    expect(commands).toEqual(
      expect.arrayContaining(['quickstart', 'sft', 'train', 'generate', 'logprobs']),
    );
    for (const command of commands) {
      const help = await run(command, '--help');
      expect(help).toMatchObject({ code: 0, errors: '' });
      expect(help.output).toMatch(new RegExp(`^Usage: medix ${command} `));
    }
  });

  test.each(['', 'judge', 'eval', 'reward', 'review'])(
    'lists each command of medix %s with its own words',
    async (group) => {
      const words = group === '' ? [] : [group];
      const { output } = await run(...words, '--help');
      const listed = [...output.matchAll(/^ {2}([a-z]+)(| \S.*?)(?: {2,}.*)?$/gm)].filter(
        ([, name]) => name !== 'help',
      );
      expect(listed.length).toBeGreaterThan(1);
      for (const [, name = '', usage] of listed) {
        const [line] = (await run(...words, name, '--help')).output.split('\n');
        // A command always takes --help, which its line in a list leaves out.
        const own = line
          ?.replace(/^Usage: medix(?: [a-z]+)*/, '')
          .replace(/ \[options\] \[command\]$/, '');
        expect([usage, ` [options]${usage}`]).toContain(own);
      }
    },
  );

  test('documents every config field of a command', async () => {
    const { output } = await run('train', '--help');
    expect(output).toContain('rollout.groupSize');
    expect(output).toContain('default 8');
  });

  test.each([
    ['an unknown command', ['trane'], /unknown command 'trane'/],
    ['an unknown option', ['train', '--fast'], /unknown option '--fast'/],
    ['an empty --out', ['eval', 'submit', 'x', '--out', ''], /'--out <dir>' is empty/],
    ['an empty --in', ['logprobs', '--model', 'm', '--in', '', '--out', 'o'], /'--in <file>'/],
    ['an empty --resume', ['train', '--resume', ''], /'--resume <directory>' is empty/],
    ['an empty folder', ['review', 'score', ''], /an argument is empty/],
    ['an empty one of several', ['eval', 'compare', 'a', ''], /an argument is empty/],
  ])('refuses %s as wrong usage', async (_, argv, message) => {
    const { code, errors } = await run(...argv);
    expect(code).toBe(2);
    expect(errors).toMatch(message);
  });

  test('reports every config error before anything is opened', async () => {
    const { code, errors } = await run(
      'train',
      'rollout.groupSize=1',
      'rolout.x=1',
      'model=nowhere',
    );
    expect(code).toBe(1);
    expect(errors).toMatch(/rollout\.groupSize: expected a number of at least 2 with .*, got 1/);
    expect(errors).toContain('rolout');
    expect(errors).toContain('data.train');
  });

  const title = '\u001b]0;owned\u0007\u009b2J\r\u202e';
  test.each([
    ['an unknown command', [`tr${title}`]],
    ['an unknown option', ['train', `--${title}`]],
    ['the value of an option', ['generate', '--model', 'm', '--prompt', 'p', '--seed', title]],
    ['a config that is not there', ['train', `${title}.yaml`]],
    ['an unknown field', ['train', `${title}=1`]],
    ['the value of a field', ['train', `model=x`, `seed="${title}"`]],
    ['a run that is not there', ['train', '--resume', title]],
    ['a folder of results', ['eval', 'compare', title, 'b']],
    ['a review', ['review', 'score', title]],
  ])('shows control characters in %s and does not send them', async (_, argv) => {
    const { code, errors, output } = await run(...argv);
    expect(code).toBeGreaterThan(0);
    expect(errors).toMatch(/\uFFFD|\\u[0-9a-f]{4}/);
    expect(errors + output).not.toMatch(/(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
  });

  test.each([
    ['3,000 unknown fields', Array.from({ length: 3000 }, (_, n) => `unknown${n}=1`)],
    ['a value of 1 MB', ['model=x', `seed=${'x'.repeat(1e6)}`]],
    ['a field of 1 MB', [`${'x'.repeat(1e6)}=1`]],
    ['a word of 1 MB', ['x'.repeat(1e6)]],
    ['3,000 files', Array.from({ length: 3000 }, (_, n) => `file${n}`)],
  ])('answers %s with a page at most', async (_, words) => {
    const { code, errors } = await run('train', ...words);
    expect(code).toBe(1);
    expect(errors.length).toBeLessThan(10_000);
    expect(errors.split('\n').length).toBeLessThan(40);
  });

  test('takes --allow with --resume alone', async () => {
    const { code, errors } = await run('train', '--allow', 'optimizer', 'model=m', 'data.train=t');
    expect(code).toBe(1);
    expect(errors).toMatch(/--allow: expected nothing but with --resume, .*got optimizer/);
  });

  test('says that there is nothing to resume', async () => {
    const { code, errors } = await run('train', '--resume', '/nowhere/at/all');
    expect(code).toBe(1);
    expect(errors).toMatch(/manifest\.json: expected a run's manifest, got no such file/);
  });
});
