/**
 * Python files that foreign trainers load as their reward function. Each is one file of its own, since
 * trainers load it by its path and ship it alone: the client in front, then what the trainer calls.
 */
import { fail, invariant } from '../../core/errors.ts';
import { readText } from '../../core/files.ts';
import { packageFile } from '../../core/package-file.ts';

export const bridgeTrainers = ['easyr1', 'verl', 'trl'] as const;
export type BridgeTrainer = (typeof bridgeTrainers)[number];

/** Name of the bridge's file; for TRL also of the module that is imported. */
export function bridgeFileName(trainer: BridgeTrainer): string {
  return `medix_${trainer}.py`;
}

const folder = packageFile('assets/bridges/');

/** As client.py has it. */
const defaultUrl = '"http://127.0.0.1:8090"';

/**
 * The text of a bridge.
 * @param url base address of the reward service.
 * @throws MedixError 'config' when it is no http address, or has a password, which a file shall not hold.
 */
export async function bridgeSource(trainer: BridgeTrainer, url: string): Promise<string> {
  const address = JSON.stringify(checkUrl(url));
  const client = splitModule(await readText(new URL('client.py', folder)));
  const calls = splitModule(await readText(new URL(`${trainer}.py`, folder)));
  invariant(client.body.includes(defaultUrl), 'client.py names the default address');
  return [
    calls.docstring,
    joinImports([...client.imports, ...calls.imports]),
    client.body.replace(defaultUrl, () => address),
    calls.body,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

type Module = {
  readonly docstring: string;
  readonly imports: readonly string[];
  readonly body: string;
};

/** A module of ours: a docstring or none, one-line imports, everything else. */
function splitModule(text: string): Module {
  const [, docstring = '', rest = ''] = /^("""[\s\S]*?"""\n)?([\s\S]*)$/.exec(text) ?? [];
  const [head = ''] = /^(?:(?:import|from) .*\n|\n)*/.exec(rest) ?? [];
  const imports = head
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('from client '));
  return { docstring: docstring.trim(), imports, body: rest.slice(head.length).trim() };
}

function joinImports(lines: readonly string[]): string {
  const distinct = [...new Set(lines)].sort();
  const isPlain = (line: string) => line.startsWith('import ');
  return [...distinct.filter(isPlain), ...distinct.filter((line) => !isPlain(line))].join('\n');
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === '' && url.password === '';
  if (isPlain && /^https?:$/.test(url.protocol)) return text.replace(/\/+$/, '');
  return fail('config', {
    where: '--url',
    expected: 'an http address without a password',
    got: url === undefined || isPlain ? JSON.stringify(text) : 'one with a password',
    next: 'give the base address of the service; put its token into the environment variable MEDIX_REWARD_TOKEN',
  });
}
