/** The whole of a run in one sentence: does it learn, or does it cheat? */
import { fewestIterations, type MonitorAlarm } from './alarms.ts';
import type { MonitorFigures } from './figures.ts';

export type MonitorVerdict = {
  readonly level: 'healthy' | 'watch' | 'alarm' | 'too-little';
  readonly inWords: string;
};

export function monitorVerdict(
  history: readonly MonitorFigures[],
  alarms: readonly MonitorAlarm[],
): MonitorVerdict {
  if (history.length < fewestIterations) {
    const inWords = `Too little to tell: ${history.length} of at least ${fewestIterations} iterations are on record.`;
    return { level: 'too-little', inWords };
  }
  const titles = (severity: MonitorAlarm['severity']) =>
    alarms.flatMap((alarm) => (alarm.severity === severity ? [alarm.title.toLowerCase()] : []));
  const [gamed, watched] = [titles('alarm'), titles('watch')];
  if (gamed.length > 0) {
    return { level: 'alarm', inWords: `This run is cheating: ${gamed.join('; ')}.` };
  }
  if (watched.length > 0) {
    return {
      level: 'watch',
      inWords: `No sign of cheating for certain, but look at this: ${watched.join('; ')}.`,
    };
  }
  return { level: 'healthy', inWords: `Nothing here looks like cheating. ${carriersOf(history)}` };
}

function carriersOf(history: readonly MonitorFigures[]): string {
  const late = history.slice(-10);
  const names = [...new Set(late.flatMap((one) => Object.keys(one.advantageShare)))];
  const carried = names
    .map((name) => {
      const shares = late.flatMap((one) => one.advantageShare[name] ?? []);
      return [name, shares.reduce((sum, share) => sum + share, 0) / shares.length] as const;
    })
    .filter(([name, share]) => name !== 'other' && share >= 0.05)
    .sort(([, a], [, b]) => b - a)
    .map(([name, share]) => `${name} ${Math.round(100 * share)} %`);
  if (carried.length === 0) return 'No advantage is on record, so nothing was learnt either.';
  return `The advantage of the last iterations is carried by ${carried.join(', ')}.`;
}
