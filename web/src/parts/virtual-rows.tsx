/** A list of any length: only what is in view is asked for and drawn. j and k go from row to row. */
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useKeys } from '../keys.ts';
import { type Question, useAnswers } from '../source/store.ts';

export const pageSize = 50;

export function VirtualRows<Page, Row>({
  total,
  page,
  rowsOf,
  rowHeight,
  label,
  children,
}: {
  total: number;
  /** The rows from an offset on, {@link pageSize} of them. */
  page: (offset: number) => Question<Page>;
  rowsOf: (page: Page) => readonly Row[];
  rowHeight: number;
  label: string;
  /** A row holds a link, which j and k focus. */
  children: (row: Row) => ReactNode;
}) {
  const list = useRef<HTMLUListElement>(null);
  const [margin, setMargin] = useState(0);
  const [chosen, setChosen] = useState(-1);
  const virtual = useWindowVirtualizer({
    count: total,
    estimateSize: () => rowHeight,
    overscan: 6,
    scrollMargin: margin,
  });
  useLayoutEffect(() => {
    const place = list.current?.getBoundingClientRect().top ?? 0;
    const now = Math.round(place + window.scrollY);
    if (Math.abs(now - margin) > 1) setMargin(now);
  });
  const items = virtual.getVirtualItems();
  const first = Math.floor((items[0]?.index ?? 0) / pageSize);
  const last = Math.floor((items.at(-1)?.index ?? 0) / pageSize);
  const pages = Array.from({ length: last - first + 1 }, (_, i) => page((first + i) * pageSize));
  const answers = useAnswers(pages);
  const rowAt = (index: number): Row | undefined => {
    const answer = answers[Math.floor(index / pageSize) - first];
    return answer?.kind === 'there' ? rowsOf(answer.value)[index % pageSize] : undefined;
  };
  const move = (by: number) => {
    const next = Math.max(0, Math.min(total - 1, chosen + by));
    setChosen(next);
    virtual.scrollToIndex(next, { align: 'auto' });
  };
  const moves = useMemo(() => ({ to: -1 }), []);
  moves.to = chosen;
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
  });
  useEffect(() => {
    if (chosen < 0) return;
    list.current?.querySelector<HTMLElement>(`[data-index="${chosen}"] a`)?.focus();
  });
  return (
    <ul
      ref={list}
      className="rows"
      aria-label={label}
      style={{ height: virtual.getTotalSize() }}
      onFocus={(event) => {
        const row = (event.target as HTMLElement).closest<HTMLElement>('[data-index]');
        if (row) setChosen(Number(row.dataset['index']));
      }}
      onBlur={() => setChosen((before) => (moves.to === before ? before : -1))}
    >
      {items.map((item) => {
        const row = rowAt(item.index);
        return (
          <li
            key={item.key}
            ref={virtual.measureElement}
            data-index={item.index}
            aria-setsize={total}
            aria-posinset={item.index + 1}
            style={{ transform: `translateY(${item.start - margin}px)` }}
          >
            {row === undefined ? (
              <div className="row-empty" style={{ height: rowHeight }} />
            ) : (
              children(row)
            )}
          </li>
        );
      })}
    </ul>
  );
}
