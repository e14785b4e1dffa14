/** Servers tell the gradient's norm under names of their own; some not at all. */
export function gradNormOf(metrics: Readonly<Record<string, number>>): number | undefined {
  const found = Object.entries(metrics).find(([name]) => /grad(ient)?_norm(:\w+)?$/.test(name));
  return found?.[1];
}
