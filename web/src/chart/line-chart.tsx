/** Curves over iterations by uPlot, with their values where the pointer or the arrow keys are. */
import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { number } from '../format.ts';
import { useColours } from '../theme.ts';
import { colourOf, cssColour, dashOf } from './colours.ts';
import { smooth, stacked } from './smooth.ts';

export type Curve = {
  readonly name: string;
  readonly iterations: readonly number[];
  readonly values: readonly (number | null)[];
};

type Props = {
  readonly curves: readonly Curve[];
  /** What is drawn, for those who cannot see it. */
  readonly label: string;
  readonly height?: number;
  readonly smoothing?: number;
  /** Areas on each other, for shares of a whole. */
  readonly isStacked?: boolean;
  readonly range?: readonly [number, number];
  /** Charts with one name show the same iteration. */
  readonly sync?: string;
  readonly hasLegend?: boolean;
};

export function LineChart(props: Props) {
  const { curves, label, height = 150, smoothing = 0, isStacked = false, range, sync } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const colours = useColours();
  const table = useMemo(
    () => aligned(curves, smoothing, isStacked),
    [curves, smoothing, isStacked],
  );
  const names = curves.map((curve) => curve.name).join('\n');
  const low = range?.[0];
  const high = range?.[1];
  const drawn = useRef(table);
  drawn.current = table;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a chart is made anew for other curves or colours only
  useEffect(() => {
    const place = box.current;
    if (!place) return;
    const options = optionsFor({
      width: place.clientWidth,
      height,
      names: names.split('\n'),
      hasRaw: smoothing > 0 && !isStacked,
      isStacked,
      range: low === undefined || high === undefined ? undefined : [low, high],
      sync,
      onMove: setAt,
    });
    const chart = new uPlot(options, drawn.current.data, place);
    plot.current = chart;
    const resize = new ResizeObserver(() => {
      if (place.clientWidth > 0) chart.setSize({ width: place.clientWidth, height });
    });
    resize.observe(place);
    return () => {
      resize.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [names, height, smoothing > 0, isStacked, low, high, sync, colours]);
  useEffect(() => {
    plot.current?.setData(table.data);
  }, [table]);

  const step = (by: number) => {
    const { iterations } = table;
    const next = Math.max(0, Math.min(iterations.length - 1, (at ?? iterations.length - 1) + by));
    setAt(next);
    const x = plot.current?.valToPos(iterations[next] ?? 0, 'x') ?? 0;
    plot.current?.setCursor({ left: x, top: 10 });
  };
  const shown = at ?? table.iterations.length - 1;
  return (
    <div className="chart">
      {(props.hasLegend ?? curves.length > 1) && (
        <Legend curves={curves} table={table} at={shown} />
      )}
      <div
        ref={box}
        className="plot"
        role="img"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys read values from it
        tabIndex={0}
        aria-label={`${label}. ${inWords(curves)}`}
        onKeyDown={(event) => {
          if (event.key === 'ArrowLeft') step(-1);
          else if (event.key === 'ArrowRight') step(1);
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <p className="chart-at num" aria-live="off">
        {table.iterations.length === 0
          ? 'nothing yet'
          : `iteration ${table.iterations[shown] ?? '–'}`}
        {curves.length === 1 && table.iterations.length > 0 && (
          <strong>{number(table.raw[0]?.[shown])}</strong>
        )}
      </p>
    </div>
  );
}

type Aligned = {
  readonly iterations: readonly number[];
  /** As measured, by curve. */
  readonly raw: readonly (readonly (number | null)[])[];
  readonly data: uPlot.AlignedData;
};

/** All curves over the union of their iterations. */
function aligned(curves: readonly Curve[], smoothing: number, isStacked: boolean): Aligned {
  const iterations = [...new Set(curves.flatMap((curve) => curve.iterations))].sort(
    (a, b) => a - b,
  );
  const raw = curves.map((curve) => {
    const byIteration = new Map(curve.iterations.map((it, i) => [it, curve.values[i] ?? null]));
    return iterations.map((it) => byIteration.get(it) ?? null);
  });
  const smoothed = raw.map((values) => smooth(values, smoothing));
  const series = isStacked
    ? stacked(smoothed).toReversed()
    : smoothing > 0
      ? [...raw, ...smoothed]
      : raw;
  return { iterations, raw, data: [iterations, ...series] as unknown as uPlot.AlignedData };
}

function Legend({
  curves,
  table,
  at,
}: {
  readonly curves: readonly Curve[];
  readonly table: Aligned;
  readonly at: number;
}) {
  return (
    <ul className="legend">
      {curves.map((curve, i) => (
        <li key={curve.name}>
          <span className="swatch" style={{ background: `var(--series-${(i % 8) + 1})` }} />
          {curve.name}
          <span className="num">{number(table.raw[i]?.[at])}</span>
        </li>
      ))}
    </ul>
  );
}

function inWords(curves: readonly Curve[]): string {
  return curves
    .map(({ name, iterations, values }) => {
      const measured = iterations.flatMap((it, i) => {
        const value = values[i] ?? null;
        return value === null ? [] : [{ it, value }];
      });
      const [first] = measured;
      const last = measured.at(-1);
      if (!first || !last) return `${name}: nothing measured`;
      return `${name}: ${number(first.value)} at iteration ${first.it}, ${number(last.value)} at ${last.it}`;
    })
    .join('; ');
}

type OptionsAsked = {
  readonly width: number;
  readonly height: number;
  readonly names: readonly string[];
  readonly hasRaw: boolean;
  readonly isStacked: boolean;
  readonly range: readonly [number, number] | undefined;
  readonly sync: string | undefined;
  readonly onMove: (at: number | null) => void;
};

function optionsFor(asked: OptionsAsked): uPlot.Options {
  const { width, height, names, range, sync, onMove } = asked;
  const axis = {
    stroke: cssColour('--quiet'),
    grid: { stroke: cssColour('--grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
    gap: 4,
  };
  return {
    width,
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: {
      points: { size: 6 },
      drag: { x: false, y: false },
      ...(sync ? { sync: { key: sync } } : {}),
    },
    scales: {
      x: { time: false },
      y: { range: range ? [range[0], range[1]] : roomAround },
    },
    axes: [
      { ...axis, size: 22, space: 60, incrs: wholeSteps },
      { ...axis, size: 46, space: 34, values: (_, ticks) => ticks.map(tickWords) },
    ],
    series: [{}, ...seriesFor(names, asked)],
    hooks: {
      setCursor: [
        (chart) => {
          onMove(chart.cursor.idx ?? null);
        },
      ],
    },
  };
}

/** A little room; a flat line lies in the middle, one of zeros at the bottom of 0 to 1. */
function roomAround(_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  if (low === 0 && high === 0) return [0, 1];
  const room = (high - low || Math.abs(high)) * 0.08;
  return [low >= 0 && low < room ? 0 : low - room, high + room];
}

/** Iterations have no halves. */
const wholeSteps = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((power) =>
  [1, 2, 5].map((step) => step * 10 ** power),
);

/** As short as it can be said: 0.5, not 0.500. */
function tickWords(tick: number): string {
  const size = Math.abs(tick);
  return size >= 1e5 || (size > 0 && size < 1e-3)
    ? tick.toExponential(0).replace('-', '−')
    : String(Number(tick.toPrecision(6))).replace('-', '−');
}

function seriesFor(names: readonly string[], { hasRaw, isStacked }: OptionsAsked): uPlot.Series[] {
  const line = (i: number, faint: boolean): uPlot.Series => ({
    label: names[i] ?? '',
    stroke: colourOf(i, faint ? 0.28 : 1),
    width: faint ? 1 : 1.75,
    spanGaps: true,
    dash: faint ? [] : dashOf(i),
    points: { show: faint ? false : pointsWhereFew },
  });
  if (isStacked) {
    return names
      .map((_, i) => ({
        ...line(i, false),
        dash: [],
        fill: colourOf(i, 0.85),
        width: 0.5,
        points: { show: false },
      }))
      .reverse();
  }
  const lines = names.map((_, i) => line(i, false));
  return hasRaw ? [...names.map((_, i) => line(i, true)), ...lines] : lines;
}

const pointsWhereFew: uPlot.Series.Points.Show = (chart, seriesIndex) => {
  const values = chart.data[seriesIndex] ?? [];
  return values.filter((value) => value !== null).length < 12;
};
