/** Figures with their intervals as an inline SVG: one line a row, below a shared axis. */
import { html } from 'hono/html';
import type { Interval } from '../../statistics/quantile.ts';
import type { Html } from './report-page.ts';

type ChartFigure = { readonly value: number; readonly interval: Interval | null };

export type ChartRow = {
  readonly label: string;
  /** Null leaves the line empty, with its text. */
  readonly figure: ChartFigure | null;
  /** Drawn hollow below the figure. */
  readonly second?: ChartFigure;
  /** At the right of the line. */
  readonly text: string;
  /** `summary` stands out; `doubtful` is drawn in broken lines. */
  readonly emphasis?: 'summary' | 'doubtful';
};

export type Axis = {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  readonly tickText: (value: number) => string;
  /** Drawn as a full line, e.g. no difference. */
  readonly origin?: number;
};

const layout = { width: 860, left: 250, right: 640, row: 30, top: 14, foot: 34 } as const;
const labelCharacters = 34;

/** @param title what the chart shows, for readers who do not see it; its figures stand in a table beside */
export function intervalChart(title: string, rows: readonly ChartRow[], axis: Axis): Html {
  const { width, left, right, top, row, foot } = layout;
  const bottom = top + rows.length * row;
  const across = (value: number) => {
    const share = (value - axis.low) / (axis.high - axis.low);
    return rounded(left + Math.min(1, Math.max(0, share)) * (right - left));
  };
  return html`<svg class="chart" viewBox="0 0 ${width} ${bottom + foot}" role="img" aria-label="${title}">
    ${axis.ticks.map(
      (
        tick,
      ) => html`<line class="${tick === axis.origin ? 'origin' : 'grid'}" x1="${across(tick)}" x2="${across(tick)}" y1="${top}" y2="${bottom}"/>
    <text class="tick" x="${across(tick)}" y="${bottom + 20}" text-anchor="middle">${axis.tickText(tick)}</text>`,
    )}
    ${rows.map((one, place) => chartLine(one, top + (place + 0.5) * row, across))}
  </svg>`;
}

function chartLine(row: ChartRow, y: number, across: (value: number) => number): Html {
  const { label, figure, second, text, emphasis } = row;
  const hasTwo = second !== undefined;
  return html`<g class="${emphasis ?? 'plain'}">
      <title>${label}: ${text}</title>
      <text class="label" x="${layout.left - 14}" y="${y + 4}" text-anchor="end">${shortened(label)}</text>
      ${figure === null ? '' : mark(figure, hasTwo ? y - 5 : y, 'figure', across)}
      ${hasTwo ? mark(second, y + 7, 'second', across) : ''}
      <text class="value" x="${layout.right + 16}" y="${y + 4}">${text}</text>
    </g>`;
}

function mark(
  { value, interval }: ChartFigure,
  y: number,
  kind: 'figure' | 'second',
  across: (value: number) => number,
): Html {
  const line = interval
    ? html`<line class="${kind}" x1="${across(interval.low)}" x2="${across(interval.high)}" y1="${y}" y2="${y}"/>`
    : '';
  return html`${line}<circle class="${kind}" cx="${across(value)}" cy="${y}" r="${kind === 'figure' ? 5 : 3.5}"/>`;
}

function shortened(label: string): string {
  const characters = [...label];
  if (characters.length <= labelCharacters) return label;
  return `${characters.slice(0, labelCharacters - 1).join('')}…`;
}

function rounded(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
