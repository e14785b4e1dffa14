/** How often each label comes; in the order of the labels, so that equal counts are equal JSON. */
export function countBy<Item, Label extends string>(
  items: Iterable<Item>,
  labelOf: (item: Item) => Label | undefined,
): Readonly<Record<Label, number>> {
  const counts = new Map<Label, number>();
  for (const item of items) {
    const label = labelOf(item);
    if (label !== undefined) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted) as Record<Label, number>;
}
