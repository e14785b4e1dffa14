/** What each metric means, as docs/metrics.md says it: the package brings the page along, and it is the one text. */
import { readText } from '../core/files.ts';
import { packageFile } from '../core/package-file.ts';

export type MetricMeaning = {
  /** As in metrics.jsonl; `<component>` and the like stand for a name. */
  readonly key: string;
  /** Markdown, as the next two. */
  readonly meaning: string;
  readonly healthy: string;
  /** What to do where it is not. */
  readonly otherwise: string;
  readonly section: string;
};

export async function readMetricMeanings(): Promise<readonly MetricMeaning[]> {
  return meaningsIn(await readText(packageFile('docs/metrics.md')));
}

/** The rows of the tables of a page, one for each key that a row names. */
export function meaningsIn(page: string): readonly MetricMeaning[] {
  let section = '';
  return page.split('\n').flatMap((line) => {
    if (line.startsWith('## ')) section = line.slice(3).split(':')[0] ?? '';
    if (!line.startsWith('| `')) return [];
    const [keys = '', meaning = '', healthy = '', otherwise = ''] = line
      .slice(1)
      .split(' |')
      .map((cell) => cell.trim());
    return [...keys.matchAll(/`([^`]*\/[^`]*)`/g)].map(([, key = '']) => ({
      ...{ key, meaning, healthy, otherwise, section },
    }));
  });
}

/** What these metrics mean; those that nothing is written about are left out. */
export function meaningsOf(
  all: readonly MetricMeaning[],
  keys: readonly string[],
): readonly MetricMeaning[] {
  const patterns = all.map((meaning) => ({ meaning, pattern: patternOf(meaning.key) }));
  return [...keys].sort().flatMap((key) => {
    // A row that names the key itself comes before one that only fits it.
    const known =
      patterns.find(({ meaning }) => meaning.key === key) ??
      patterns.find(({ pattern }) => pattern.test(key));
    return known ? [{ ...known.meaning, key }] : [];
  });
}

function patternOf(key: string): RegExp {
  const parts = key.split(/<\w+>/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]+')}$`);
}
