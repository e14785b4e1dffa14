/**
 * How much of the advantage each reward component carries.
 *
 * Within a group, a reward's deviation from the mean is taken for a sum of its components' deviations, each times a
 * weight. The weights are those that fit the rewards of the iteration best (least squares, barely regularised), so that
 * they need no profile and hold for any: where the profile is a weighted sum they are its weights. A component's share is
 * what it adds to the sum of advantage times deviation; what the fit leaves is `other`.
 */

/** Values of a rollout's components by name, with its reward and advantage. */
export type ShareRow = Readonly<Record<string, number | undefined>> & {
  readonly ' reward': number | undefined;
  readonly ' advantage': number | undefined;
};

/** @returns shares that add up to 1; negative where a component pulls the other way. Empty where nothing was learnt from. */
export function sharesOfAdvantage(
  groups: readonly (readonly ShareRow[])[],
): Record<string, number> {
  const names = [
    ...new Set(groups.flatMap((group) => group.flatMap((row) => Object.keys(row)))),
  ].filter((name) => !name.startsWith(' '));
  const rows = groups.flatMap((group) => deviationsOf(group, names));
  const total = rows.reduce((sum, { advantage, reward }) => sum + advantage * reward, 0);
  if (rows.length === 0 || Math.abs(total) < 1e-9) return {};
  const weights = fitted(rows, names.length);
  const shares: Record<string, number> = {};
  let explained = 0;
  for (const [place, name] of names.entries()) {
    const carried = rows.reduce(
      (sum, { advantage, parts }) => sum + advantage * (weights[place] ?? 0) * (parts[place] ?? 0),
      0,
    );
    shares[name] = carried / total;
    explained += carried / total;
  }
  return { ...shares, other: 1 - explained };
}

type Deviation = {
  readonly advantage: number;
  readonly reward: number;
  readonly parts: readonly number[];
};

function deviationsOf(group: readonly ShareRow[], names: readonly string[]): Deviation[] {
  const learnt = group.flatMap((row) => {
    const { ' reward': reward, ' advantage': advantage } = row;
    if (reward === undefined || advantage === undefined) return [];
    return [{ advantage, reward, parts: names.map((name) => row[name] ?? 0) }];
  });
  const mean = (of: (row: Deviation) => number) =>
    learnt.reduce((sum, row) => sum + of(row), 0) / learnt.length;
  const reward = mean((row) => row.reward);
  const parts = names.map((_, place) => mean((row) => row.parts[place] ?? 0));
  return learnt.map((row) => ({
    advantage: row.advantage,
    reward: row.reward - reward,
    parts: row.parts.map((value, place) => value - (parts[place] ?? 0)),
  }));
}

/** Normal equations with a ridge too small to matter but where two components never differ, which then share. */
function fitted(rows: readonly Deviation[], count: number): number[] {
  const matrix = Array.from({ length: count }, (_, i) =>
    Array.from({ length: count + 1 }, (_, j) =>
      rows.reduce(
        (sum, { parts, reward }) => sum + (parts[i] ?? 0) * (j < count ? (parts[j] ?? 0) : reward),
        i === j ? 1e-6 : 0,
      ),
    ),
  );
  for (const [i, pivot] of matrix.entries()) {
    for (const [k, row] of matrix.entries()) {
      if (k === i) continue;
      const factor = (row[i] ?? 0) / (pivot[i] ?? 1);
      for (let j = i; j <= count; j++) row[j] = (row[j] ?? 0) - factor * (pivot[j] ?? 0);
    }
  }
  return matrix.map((row, i) => (row[count] ?? 0) / (row[i] ?? 1));
}
