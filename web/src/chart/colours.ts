/** Colours of curves: told apart also by those who do not see all colours, and by their dashes. */

/** As a canvas takes it: of the two colours that a variable may hold, the one in force. */
export function cssColour(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  document.documentElement.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** @param opacity in [0, 1] */
export function colourOf(index: number, opacity: number): string {
  const colour = cssColour(`--series-${(index % 8) + 1}`);
  return opacity >= 1 ? colour : colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);
}

const dashes: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

export function dashOf(index: number): number[] {
  return [...(dashes[Math.floor(index / 2) % dashes.length] ?? [])];
}
