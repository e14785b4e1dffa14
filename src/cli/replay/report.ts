/** What a replay changed, as lines for people. */
import type { ReplaySummary } from './comparison.ts';

/** @param counts responses that could be read, and those of them whose recorded scores were taken */
export function replayReport(
  summary: ReplaySummary,
  { readable, recorded }: { readonly readable: number; readonly recorded: number },
): string[] {
  const { rollouts, groups, compared, meanBefore, meanAfter, changed } = summary;
  const { rankCorrelation, rankedGroups, trainedTwice, signChanges } = summary;
  const { advantageBefore, advantageShift } = summary;
  const means =
    meanBefore === null || meanAfter === null
      ? 'no response has a reward both before and after'
      : `mean ${meanBefore.toFixed(4)} before, ${meanAfter.toFixed(4)} after; ${changed} of ${compared} differ (${percent(changed, compared)})`;
  return [
    `responses    ${rollouts} in ${groups} groups`,
    `scores       ${recorded} as recorded, ${readable - recorded} asked for anew`,
    `reward       ${means}`,
    `scored       ${summary.gainedReward} gain a reward, ${summary.lostReward} lose theirs`,
    `order        ${
      rankCorrelation === null
        ? 'no group has rewards that differ both before and after'
        : `rank correlation within groups ${rankCorrelation.toFixed(3)} (Kendall's tau-b, mean over ${rankedGroups} groups)`
    }`,
    `groups       ${summary.dropped} are no longer trained on, ${summary.added} now are`,
    `advantage    ${signChanges} of ${trainedTwice} change sign (${percent(signChanges, trainedTwice)})${
      advantageShift === null || advantageBefore === null
        ? ''
        : `; they move by ${advantageShift.toFixed(3)} on average, where their mean size was ${advantageBefore.toFixed(3)}`
    }`,
  ];
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`;
}
