/** The score file of a submission: the table that the paper's script prints through pandas. */

export type TaskAccuracy = {
  readonly task: string;
  /** In [0, 1]. */
  readonly accuracy: number;
};

/**
 * The text of `<m>_score.txt`. As in the script the mean over tasks, which follows where there are several,
 * stands in per cent among shares.
 *
 * @param model full name
 */
export function scoreText(model: string, tasks: readonly TaskAccuracy[]): string {
  const mean = tasks.reduce((sum, { accuracy }) => sum + accuracy, 0) / tasks.length;
  const rows = tasks.map(({ task, accuracy }) => [task, accuracy, accuracy] as const);
  const summary = tasks.length > 1 ? [['Overall', mean * 100, mean] as const] : [];
  const all = [...rows, ...summary];
  const columns = [
    ['', ...all.map((_, place) => String(place))],
    ['Task', ...all.map(([task]) => ` ${task}`)],
    [' Accuracy', ...decimalColumn(all.map(([, accuracy]) => accuracy))],
    ['Accuracy (%)', ...all.map(([, , share]) => ` ${fixed(share * 100, 2)}%`)],
  ];
  const padded = columns.map((cells, column) => {
    const width = Math.max(...cells.map(({ length }) => length));
    return cells.map((cell) => (column === 0 ? cell.padEnd(width) : cell.padStart(width)));
  });
  const lines = ['', ...all].map((_, line) => padded.map((cells) => cells[line]).join(' '));
  // A line end in a stranger's name could pass for a line of the table.
  const name = model.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '_');
  return `Model: ${name}\n\n${lines.join('\n')}`;
}

/** Six decimals, without the zeros that all cells end in, but one. */
function decimalColumn(values: readonly number[]): string[] {
  const texts = values.map((value) => fixed(value, 6));
  const zeros = Math.min(...texts.map((text) => /0*$/.exec(text)?.[0].length ?? 0), 5);
  return texts.map((text) => ` ${text.slice(0, text.length - zeros)}`);
}

/** As Python rounds: halves go to the even digit, where `toFixed` takes the larger. */
function fixed(value: number, digits: number): string {
  const exact = value.toFixed(digits + 60);
  const [kept, rest] = [exact.slice(0, -60), exact.slice(-60)];
  const isHalf = /^50*$/.test(rest);
  return isHalf && Number(kept.at(-1)) % 2 === 0 ? kept : value.toFixed(digits);
}
