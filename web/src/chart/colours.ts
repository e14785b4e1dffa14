/** Colours of curves: told apart also by those who do not see all colours, and by their dashes. */
export function cssColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function colourOf(index: number, opacity: number): string {
  const colour = cssColour(`--series-${(index % 8) + 1}`);
  const share = Math.round(opacity * 255)
    .toString(16)
    .padStart(2, '0');
  return `${colour}${opacity >= 1 ? '' : share}`;
}

const dashes: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

export function dashOf(index: number): number[] {
  return [...(dashes[Math.floor(index / 2) % dashes.length] ?? [])];
}
