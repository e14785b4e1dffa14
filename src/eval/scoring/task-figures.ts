/** What is reported of a task beside its score. */
import type { ClusteredValue } from '../../statistics/clusters.ts';
import { spreadOverEpochs } from '../../statistics/epochs.ts';
import type { JoinedAnswer } from '../results/joined-answers.ts';
import type { EpochSpread, MetricFigure, RuleComparison, Subgroup } from '../results/report.ts';
import { bootstrapInterval, figureOf, type Sampling } from './figure.ts';

/** An answer with a score. */
export type Scored = JoinedAnswer & ClusteredValue;

/** @param name of the task and variant, which its random draws go by */
export function subgroupsOf(
  name: string,
  scored: readonly Scored[],
  sampling: Sampling,
): Subgroup[] {
  const figuresOf = (dimension: string, labelOf: (one: Scored) => string | undefined) =>
    groupBy(scored, labelOf).map(([value, rows]) => {
      const figure = figureOf(rows, `${name}/${dimension}/${value}`, sampling);
      return { dimension, value, figure };
    });
  const dimensions = new Set(scored.flatMap(({ sample }) => Object.keys(sample.subgroups)));
  const byKind = figuresOf('kind', ({ sample }) => sample.kind);
  return [
    ...(byKind.length > 1 ? byKind : []),
    ...[...dimensions]
      .toSorted()
      .flatMap((dimension) => figuresOf(dimension, ({ sample }) => sample.subgroups[dimension])),
  ];
}

export function ruleOf(
  name: string,
  answers: readonly JoinedAnswer[],
  sampling: Sampling,
): RuleComparison | null {
  const judged = answers.filter(({ verdict }) => verdict?.ruleCorrect !== undefined);
  if (judged.length === 0) return null;
  const read = judged.flatMap(({ verdict, sample }) => {
    const { ruleCorrect, outcome } = verdict ?? {};
    if (typeof ruleCorrect !== 'boolean') return [];
    const judgement = outcome?.kind === 'scored' ? outcome.score : undefined;
    return [{ cluster: sample.cluster, value: Number(ruleCorrect), judgement }];
  });
  const compared = read.filter(({ judgement }) => judgement !== undefined);
  return {
    figure: read.length > 0 ? figureOf(read, `${name}/rule`, sampling) : null,
    unreadable: judged.length - read.length,
    compared: compared.length,
    onlyJudgeRight: compared.filter(({ value, judgement }) => value === 0 && judgement === 1)
      .length,
    onlyRuleRight: compared.filter(({ value, judgement }) => value === 1 && judgement === 0).length,
  };
}

export function epochsOf(scored: readonly Scored[], epochs: number): EpochSpread {
  const { epochMeans, standardDeviation } = spreadOverEpochs(
    scored.map(({ cluster, value, key }) => ({ cluster, value, epoch: key.epoch })),
  );
  const means = new Map(epochMeans.map(({ epoch, mean }) => [epoch, mean]));
  return {
    scores: Array.from({ length: epochs }, (_, epoch) => means.get(epoch) ?? null),
    standardDeviation: standardDeviation ?? null,
  };
}

export function metricsOf(
  name: string,
  answers: readonly JoinedAnswer[],
  sampling: Sampling,
): MetricFigure[] {
  const names = new Set(answers.flatMap(({ verdict }) => Object.keys(verdict?.metrics ?? {})));
  return [...names].toSorted().map((metric) => {
    const measured = answers.flatMap(({ verdict, sample }) => {
      const value = verdict?.metrics?.[metric];
      return value === undefined ? [] : [{ cluster: sample.cluster, value }];
    });
    const rows = measured.flatMap(({ cluster, value }) =>
      value === null ? [] : [{ cluster, value }],
    );
    return {
      name: metric,
      mean: rows.length > 0 ? rows.reduce((sum, { value }) => sum + value, 0) / rows.length : null,
      interval: rows.length > 0 ? bootstrapInterval(rows, `${name}/${metric}`, sampling) : null,
      answers: rows.length,
      failed: measured.length - rows.length,
    };
  });
}

/** Groups by value in the order of the values; items without one are in none. */
function groupBy<Item>(
  items: readonly Item[],
  labelOf: (item: Item) => string | undefined,
): [value: string, items: Item[]][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const value = labelOf(item);
    if (value === undefined) continue;
    const group = groups.get(value);
    if (group) group.push(item);
    else groups.set(value, [item]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}
