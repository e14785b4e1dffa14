/** Watches a training while it goes on: figures for metrics.jsonl, and each alarm once when it begins. */
import { type Metrics, meanOf } from '../../core/metrics.ts';
import { readRollouts } from '../../run/run-reader.ts';
import type { TrainEvent } from '../events.ts';
import { type MonitorAlarm, type MonitorLimits, monitorAlarms } from './alarms.ts';
import { type MonitorFigures, monitorFigures } from './figures.ts';

export type Monitor = {
  /** Takes the figures of an iteration; returns the alarms that it begins. */
  add(figures: MonitorFigures): readonly MonitorAlarm[];
};

/**
 * The monitor of a run that goes on after `iteration`, as if it had never stopped: what it has seen is read again.
 * @param runDirectory whose rollouts are on record
 */
export async function openMonitor(
  runDirectory: string,
  iteration: number,
  limits: MonitorLimits,
): Promise<Monitor> {
  const monitor = createMonitor(limits);
  for (let past = 1; past <= iteration; past++) {
    // Of what lies between, an alarm knows nothing; the one before the last tells what sounds already.
    if (past > limits.window && past < iteration - limits.window) continue;
    monitor.add(monitorFigures(past, await readRollouts(runDirectory, past, 'training')));
  }
  return monitor;
}

/** Of a run that begins. */
function createMonitor(limits: MonitorLimits): Monitor {
  let history: MonitorFigures[] = [];
  let sounding = new Set<string>();
  return {
    add: (figures) => {
      history.push({ ...figures, phrases: new Map() });
      // The first iterations and the last ones are what alarms compare.
      if (history.length > 3 * limits.window) {
        history = [...history.slice(0, limits.window), ...history.slice(-limits.window)];
      }
      const alarms = monitorAlarms(history, limits).filter(({ severity }) => severity === 'alarm');
      const begun = alarms.filter(({ kind }) => !sounding.has(kind));
      sounding = new Set(alarms.map(({ kind }) => kind));
      return begun;
    },
  };
}

export function alarmEvent({
  kind,
  title,
  inWords,
  value,
  limit,
}: MonitorAlarm): Extract<TrainEvent, { kind: 'alarm' }> {
  return { kind: 'alarm', alarm: kind, title, inWords, value, limit };
}

/** `monitor/…`: the figures of one iteration. */
export function monitorMetrics(figures: MonitorFigures): Metrics {
  const { advantageShare, correlations, judgeAlone, repeated, masterKey } = figures;
  return {
    ...under('monitor/advantageShare', advantageShare),
    ...under('monitor/correlation', correlations),
    'monitor/judgeAlone': judgeAlone === undefined ? meanOf() : meanOf(judgeAlone),
    'monitor/masterKey': meanOf(masterKey?.share ?? 0),
    'monitor/ruleRight': figures.ruleRight === undefined ? meanOf() : meanOf(figures.ruleRight),
    'monitor/repeated': meanOf(repeated.equal),
    'monitor/commonest': meanOf(repeated.commonest),
    'monitor/hedges': meanOf(figures.meanHedges),
    'monitor/copying': meanOf(figures.meanCopying),
  };
}

function under(stage: string, values: Readonly<Record<string, number>>): Metrics {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`${stage}/${name}`, meanOf(value)]),
  );
}
