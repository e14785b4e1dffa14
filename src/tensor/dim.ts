/**
 * Dimensions are numbers or names, and sums and products of them ("P*S+C*G*P"), kept in one canonical
 * spelling so that equal dimensions are equal strings. A graph is built once; names get their values
 * (`Bindings`) at each run.
 */

export type Dim = number | string;
export type Shape = readonly Dim[];
export type Bindings = Readonly<Record<string, number>>;

/** Monomial (sorted names joined by `*`, empty for the constant) to integer coefficient. */
type Polynomial = ReadonlyMap<string, number>;

export function dimValue(dim: Dim, bindings: Bindings): number {
  if (typeof dim === 'number') return dim;
  let total = 0;
  for (const [monomial, coefficient] of parse(dim)) {
    let product = coefficient;
    for (const name of names(monomial)) {
      const value = bindings[name];
      if (value === undefined) throw new Error(`dimension ${name} of ${dim} has no value`);
      product *= value;
    }
    total += product;
  }
  return total;
}

export function shapeValue(shape: Shape, bindings: Bindings): number[] {
  return shape.map((dim) => dimValue(dim, bindings));
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

export function dimAdd(a: Dim, b: Dim): Dim {
  return combine(a, b, 1);
}

export function dimSubtract(a: Dim, b: Dim): Dim {
  return combine(a, b, -1);
}

export function dimMultiply(...dims: readonly Dim[]): Dim {
  return format(
    dims.map(parse).reduce((left, right) => {
      const result = new Map<string, number>();
      for (const [m, c] of left) {
        for (const [n, d] of right) {
          const monomial = [...names(m), ...names(n)].sort().join('*');
          result.set(monomial, (result.get(monomial) ?? 0) + c * d);
        }
      }
      return result;
    }),
  );
}

function combine(a: Dim, b: Dim, sign: 1 | -1): Dim {
  const result = new Map(parse(a));
  for (const [monomial, coefficient] of parse(b)) {
    result.set(monomial, (result.get(monomial) ?? 0) + sign * coefficient);
  }
  return format(result);
}

function names(monomial: string): string[] {
  return monomial === '' ? [] : monomial.split('*');
}

function parse(dim: Dim): Polynomial {
  if (typeof dim === 'number') return new Map([['', dim]]);
  const result = new Map<string, number>();
  for (const term of dim.replaceAll('-', '+-').split('+').filter(Boolean)) {
    let coefficient = term.startsWith('-') ? -1 : 1;
    const factors: string[] = [];
    for (const factor of term.replace('-', '').split('*')) {
      if (/^\d+$/.test(factor)) coefficient *= Number(factor);
      else factors.push(factor);
    }
    const monomial = factors.sort().join('*');
    result.set(monomial, (result.get(monomial) ?? 0) + coefficient);
  }
  return result;
}

function format(polynomial: Polynomial): Dim {
  const terms = [...polynomial].filter(([, coefficient]) => coefficient !== 0).sort();
  if (terms.length === 0) return 0;
  if (terms.length === 1 && terms[0]?.[0] === '') return terms[0][1];
  return terms
    .map(([monomial, coefficient]) => {
      if (monomial === '') return String(coefficient);
      if (coefficient === 1) return monomial;
      return coefficient === -1 ? `-${monomial}` : `${coefficient}*${monomial}`;
    })
    .join('+')
    .replaceAll('+-', '-');
}
