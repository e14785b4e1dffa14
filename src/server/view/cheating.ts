/** The panel "learning or cheating" of a run: the figures of its iterations, what they say, and where to look. */

import { monitorSection } from '../../config/monitor-config.ts';
import { readText } from '../../core/files.ts';
import type { RolloutLine } from '../../run/records.ts';
import { monitorAlarms } from '../../train/monitor/alarms.ts';
import { type MonitorFigures, monitorFigures } from '../../train/monitor/figures.ts';
import { monitorVerdict } from '../../train/monitor/verdict.ts';
import { agreements, type RolloutFile } from './rollout-file.ts';
import type { RunState } from './run-state.ts';
import { recordOf } from './run-summary.ts';
import type { CheatingAnswer, Series } from './wire.ts';

/** Of longer runs this many iterations are read, evenly spread, the last ones among them. */
const mostIterations = 200;
const patienceMs = 900;

/** Keeps what it has read of the files of runs; a file that has grown is read again. */
export class CheatingPanels {
  readonly #figures = new WeakMap<
    RolloutFile,
    { readonly bytes: number; readonly figures: MonitorFigures }
  >();
  readonly #busy = new WeakMap<RunState, Promise<void>>();

  async answer(run: RunState): Promise<CheatingAnswer> {
    const index = await run.index(patienceMs);
    const files = chosen(run);
    const busy =
      this.#busy.get(run) ?? this.#read(run, files).finally(() => this.#busy.delete(run));
    this.#busy.set(run, busy);
    await Promise.race([busy, new Promise((resolve) => setTimeout(resolve, patienceMs))]);
    const history = files.flatMap((file) => this.#figures.get(file)?.figures ?? []);
    const isComplete = history.length === files.filter(({ length }) => length > 0).length;
    const limits = monitorSection.safeParse(recordOf(run.source.manifest['config'])['monitor']);
    const alarms = monitorAlarms(history, limits.data ?? monitorSection.parse({}));
    const verdict = monitorVerdict(history, alarms);
    return {
      verdict: verdict.inWords,
      level: verdict.level,
      alarms: alarms.map(({ evidence, ...alarm }) => ({
        ...alarm,
        evidence: { list: evidence.list, query: new URLSearchParams(evidence.filters).toString() },
      })),
      ...seriesOf(history),
      phrases: risingPhrases(history),
      table: tableOf(run),
      index: isComplete ? index : { ...index, filesDone: history.length, files: files.length },
    };
  }

  async #read(run: RunState, files: readonly RolloutFile[]): Promise<void> {
    for (const file of files) {
      await file.refresh();
      const known = this.#figures.get(file);
      if (known?.bytes === file.readBytes || file.length === 0) continue;
      const lines = await liveLines(run, file);
      const figures = monitorFigures(file.iteration, lines);
      this.#figures.set(file, { bytes: file.readBytes, figures });
      // Others are answered in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function chosen(run: RunState): RolloutFile[] {
  const training = run
    .ordered()
    .filter(({ part }) => part === 'training')
    .reverse();
  if (training.length <= mostIterations) return training;
  const tail = 10;
  const spread = mostIterations - tail;
  const early = training.slice(0, -tail);
  return [
    ...Array.from(
      { length: spread },
      (_, place) => early[Math.floor((place * early.length) / spread)],
    ).flatMap((file) => file ?? []),
    ...training.slice(-tail),
  ];
}

async function liveLines(run: RunState, file: RolloutFile): Promise<RolloutLine[]> {
  const latest = file.groups.at(-1)?.attempt ?? 1;
  const rows = Array.from({ length: file.length }, (_, row) => row).filter(
    (row) => file.attempt.at(row) === latest && run.isLive(latest, file.iteration),
  );
  // One reading of the file where nearly all of it counts; a line more or less is told by its attempt.
  const text = await readText(file.path).catch(() => '');
  if (text === '') return (await file.lines(rows)).flatMap((line) => line ?? []);
  const lines: RolloutLine[] = [];
  for (const one of text.split('\n')) {
    try {
      const line = JSON.parse(one) as RolloutLine;
      if (line.attempt === latest && typeof line.completion === 'string') lines.push(line);
    } catch {
      // Torn.
    }
  }
  return lines;
}

function seriesOf(
  history: readonly MonitorFigures[],
): Pick<CheatingAnswer, 'advantageShare' | 'correlations' | 'zeroVariance' | 'repeated'> {
  return {
    advantageShare: series(history, (one) => one.advantageShare),
    correlations: series(history, (one) => one.correlations),
    zeroVariance: series(history, (one) => one.zeroVariance),
    repeated: series(history, ({ repeated: { equal, nearEqual, commonest } }) => ({
      equal,
      'near-equal': nearEqual,
      commonest,
    })),
  };
}

function series(
  history: readonly MonitorFigures[],
  of: (one: MonitorFigures) => Readonly<Record<string, number>>,
): Series {
  const names = [...new Set(history.flatMap((one) => Object.keys(of(one))))];
  return {
    iterations: history.map(({ iteration }) => iteration),
    values: Object.fromEntries(
      names.map((name) => [name, history.map((one) => of(one)[name] ?? null)]),
    ),
  };
}

const shownPhrases = 12;

function risingPhrases(history: readonly MonitorFigures[]): CheatingAnswer['phrases'] {
  const size = Math.max(1, Math.floor(history.length / 3));
  const [early, late] = [history.slice(0, size), history.slice(-size)];
  if (history.length < 2) return [];
  const span = `${late[0]?.iteration ?? 0}-${late.at(-1)?.iteration ?? 0}`;
  const phrases = new Set(late.flatMap((one) => [...one.phrases.keys()]));
  return [...phrases]
    .map((phrase) => {
      const scored = total(late, (one) => one.phrases.get(phrase)?.scored);
      const reward = total(late, (one) => one.phrases.get(phrase)?.reward);
      return {
        phrase,
        early: shareOf(early, phrase),
        late: shareOf(late, phrase),
        meanReward: scored === 0 ? null : reward / scored,
        query: new URLSearchParams({
          part: 'training',
          iteration: span,
          text: phrase,
        }).toString(),
      };
    })
    .filter((one) => one.late > one.early + 0.02)
    .sort((a, b) => b.late - b.early - (a.late - a.early))
    .slice(0, shownPhrases);
}

function shareOf(part: readonly MonitorFigures[], phrase: string): number {
  const rollouts = total(part, (one) => one.rollouts);
  return rollouts === 0 ? 0 : total(part, (one) => one.phrases.get(phrase)?.count) / rollouts;
}

function total(
  part: readonly MonitorFigures[],
  of: (one: MonitorFigures) => number | undefined,
): number {
  return part.reduce((sum, one) => sum + (of(one) ?? 0), 0);
}

/** Over all training rollouts that are indexed. */
function tableOf(run: RunState): CheatingAnswer['table'] {
  const counts = new Map<string, number>();
  for (const file of run.files.values()) {
    if (file.part !== 'training') continue;
    const latest = file.groups.at(-1)?.attempt ?? 0;
    for (let row = 0; row < file.length; row++) {
      if (file.attempt.at(row) !== latest || file.useOf(row) === 'baseline') continue;
      const key = `${file.verdict.at(row)}${file.similarity.at(row)}${file.rule.at(row)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const name = (key: string, place: number) => agreements[Number(key[place])] ?? 'none';
  return [...counts]
    .map(([key, count]) => {
      const cell = { judge: name(key, 0), similarity: name(key, 1), rule: name(key, 2) };
      const filters = {
        part: 'training',
        verdict: cell.judge,
        similarity: cell.similarity,
        rule: cell.rule,
      };
      return { ...cell, count, query: new URLSearchParams(filters).toString() };
    })
    .sort((a, b) => b.count - a.count);
}
