import { readFileSync } from 'node:fs';

/** Values that test/parity/statistical_golden.py took from other libraries. */
export function readGolden<Golden>(name: string): Golden {
  const url = new URL(`../../test/golden/statistics/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as Golden;
}
