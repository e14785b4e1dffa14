import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { largestDifference } from '../../model/tiny-model.fixture.ts';
import type { AdamParameters } from '../engine.ts';
import { adamStep } from './adam.ts';
import type { ParameterBuffer } from './weights/parameter-buffer.ts';

type Tensors = Readonly<Record<string, readonly number[]>>;

const golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/adam.json', import.meta.url), 'utf8'),
) as {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly cases: readonly {
    readonly start: Tensors;
    readonly steps: readonly {
      readonly adam: AdamParameters;
      readonly gradients: Tensors;
      readonly gradNorm: number;
      readonly weights: Tensors;
    }[];
  }[];
};

/** The golden tensors' names and shapes, filled with `values` or zeros. */
function bufferOf(values?: Tensors): ParameterBuffer {
  const specs = Object.entries(golden.shapes).map(([name, shape]) => ({
    name,
    shape,
    initial: { constant: 0 },
  }));
  const sizes = specs.map(({ shape }) => shape.reduce((a, b) => a * b));
  const flat = new Float32Array(sizes.reduce((a, b) => a + b));
  const views: Record<string, Float32Array> = {};
  let offset = 0;
  specs.forEach(({ name }, i) => {
    views[name] = flat.subarray(offset, offset + sizes[i]!);
    if (values) views[name].set(values[name]!);
    offset += sizes[i]!;
  });
  return { specs, flat, views };
}

describe("AdamW against torch's", () => {
  it.each(golden.cases)('takes the same steps: case %$', ({ start, steps }) => {
    const weights = bufferOf(start);
    const state = { first: bufferOf(), second: bufferOf(), steps: 0 };
    for (const step of steps) {
      const report = adamStep(weights, bufferOf(step.gradients), state, step.adam);
      expect(report).toEqual({
        kind: 'applied',
        gradNorm: expect.closeTo(step.gradNorm, 6),
      });
      for (const [name, values] of Object.entries(step.weights)) {
        expect(largestDifference(weights.views[name]!, values), name).toBeLessThan(1e-6);
      }
    }
  });
});
