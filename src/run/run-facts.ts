/** What else a run's result depends on, for its manifest. */
import { readText } from '../core/files.ts';
import { packageFile } from '../core/package-file.ts';

/** Versions of this package and of the machine it runs on. */
export async function runFacts(): Promise<Record<string, string>> {
  return {
    medix: await packageVersion(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  };
}

export async function packageVersion(): Promise<string> {
  const text = await readText(packageFile('package.json'));
  return (JSON.parse(text) as { version: string }).version;
}
