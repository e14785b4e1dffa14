/** What else a run's result depends on, for its manifest. */
import { readFile } from 'node:fs/promises';

/** Versions of this package and of the machine it runs on. */
export async function runFacts(): Promise<Record<string, string>> {
  return {
    medix: await packageVersion(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  };
}

export async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
