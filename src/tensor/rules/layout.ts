/** Ops that move, repeat or add up elements: shapes change, values hardly. */
import { broadcastAt, build, forEachIndex, mapRows, strides, zeros } from '../array.ts';
import { type Dim, dimAdd, dimSubtract, dimValue } from '../dim.ts';
import type { Node } from '../node.ts';
import type { OpRules } from '../op-rule.ts';
import * as ops from '../ops.ts';

export const layoutRules: OpRules<
  'sum' | 'expand' | 'reshape' | 'transpose' | 'slice' | 'pad' | 'concat' | 'rotateHalf' | 'rotate'
> = {
  sum: {
    gradient: (node, g) => [ops.expand(g, node.inputs[0]!.shape)],
    onnx: (emit, [a], { attributes }) =>
      emit.op('ReduceSum', [a!, emit.dims(attributes.axes)], { keepdims: 1 }),
    interpret: ([a], _, shape) => {
      const result = zeros(shape);
      const step = strides(shape);
      forEachIndex(a!.shape, (index, flat) => {
        const target = index.reduce(
          (at, i, axis) => at + (shape[axis] === 1 ? 0 : i * step[axis]!),
          0,
        );
        result.data[target] = result.data[target]! + a!.data[flat]!;
      });
      return result;
    },
    recompute: true,
  },
  expand: {
    gradient: (node, g) => [ops.sumTo(g, node.inputs[0]!.shape)],
    onnx: (emit, [a], { attributes }) => emit.op('Expand', [a!, emit.dims(attributes.shape)]),
    interpret: ([a], _, shape) => build(shape, (index) => broadcastAt(a!, index)),
    recompute: true,
  },
  reshape: {
    gradient: (node, g) => [ops.reshape(g, node.inputs[0]!.shape)],
    onnx: (emit, [a], { attributes: { shape } }) => {
      // One named dimension can be left for the runtime to infer; then the shape is a constant.
      const named = shape.filter((dim) => typeof dim === 'string').length;
      const target = named === 1 ? shape.map((dim) => (typeof dim === 'string' ? -1 : dim)) : shape;
      return emit.op('Reshape', [a!, emit.dims(target)]);
    },
    interpret: ([a], _, shape) => ({ shape, data: a!.data }),
    recompute: true,
  },
  transpose: {
    gradient: (node, g) => {
      const { permutation } = node.attributes;
      return [
        ops.transpose(
          g,
          permutation.map((_, axis) => permutation.indexOf(axis)),
        ),
      ];
    },
    onnx: (emit, inputs, { attributes }) =>
      emit.op('Transpose', inputs, { perm: attributes.permutation }),
    interpret: ([a], { permutation }, shape) =>
      build(shape, (index) =>
        broadcastAt(
          a!,
          permutation.map((_, axis) => index[permutation.indexOf(axis)]!),
        ),
      ),
    recompute: true,
  },
  slice: {
    gradient: (node, g) => {
      const { axis, start, size } = node.attributes;
      const after = dimSubtract(dimSubtract(node.inputs[0]!.shape[axis]!, start), size);
      return [ops.pad(g, axis, start, after)];
    },
    onnx: (emit, [a], { attributes: { axis, start, size } }) =>
      emit.op('Slice', [
        a!,
        emit.dims([start]),
        emit.dims([dimAdd(start, size)]),
        emit.dims([axis]),
      ]),
    interpret: ([a], { axis, start }, shape, bindings) => {
      const offset = dimValue(start, bindings);
      return build(shape, (index) => broadcastAt(a!, index.with(axis, index[axis]! + offset)));
    },
    recompute: true,
  },
  pad: {
    gradient: (node, g) => {
      const { axis, before } = node.attributes;
      return [ops.slice(g, axis, before, node.inputs[0]!.shape[axis]!)];
    },
    onnx: (emit, [a], { attributes: { axis, before, after } }) =>
      emit.op('Pad', [a!, emit.dims([before, after]), '', emit.dims([axis])]),
    interpret: ([a], { axis, before }, shape, bindings) => {
      const offset = dimValue(before, bindings);
      return build(shape, (index) => {
        const source = index[axis]! - offset;
        if (source < 0 || source >= a!.shape[axis]!) return 0;
        return broadcastAt(a!, index.with(axis, source));
      });
    },
    recompute: true,
  },
  concat: {
    gradient: (node, g) => {
      const { axis } = node.attributes;
      let start: string | number = 0;
      return node.inputs.map((part) => {
        const piece = ops.slice(g, axis, start, part.shape[axis]!);
        start = dimAdd(start, part.shape[axis]!);
        return piece;
      });
    },
    onnx: (emit, inputs, { attributes }) => emit.op('Concat', inputs, { axis: attributes.axis }),
    interpret: (parts, { axis }, shape) =>
      build(shape, (index) => {
        let at = index[axis]!;
        for (const part of parts) {
          if (at < part.shape[axis]!) return broadcastAt(part, index.with(axis, at));
          at -= part.shape[axis]!;
        }
        throw new Error('internal: index past the end of concat');
      }),
    recompute: true,
  },
  rotateHalf: {
    // The map is a rotation by a quarter turn: its transpose is its negative.
    gradient: (_, g) => [ops.scale(ops.rotateHalf(g), -1)],
    // One pass of the rotary kernel, each row a sequence of one, at cosine 0 and sine 1.
    onnx: (emit, [a], node) => {
      const size = node.shape.at(-1) as number;
      const row = emit.op('Reshape', [a!, emit.dims([-1, 1, size])]);
      const [cos, sin] = [0, 1].map((value) =>
        emit.op('Expand', [emit.scalar(value), emit.dims([1, size / 2])]),
      );
      const inputs = [row, emit.dims([0]), cos!, sin!];
      const turned = emit.op('RotaryEmbedding', inputs, {}, 'com.microsoft');
      return emit.op('Reshape', [turned, emit.op('Shape', [a!])]);
    },
    interpret: ([a]) =>
      mapRows(a!, (row) => {
        const half = row.length / 2;
        const low = row.slice(0, half);
        for (let i = 0; i < half; i++) row[i] = -row[half + i]!;
        row.set(low, half);
      }),
    recompute: true,
  },
  rotate: {
    gradient: (node, g) => {
      const [a, cos, sin] = node.inputs as readonly [Node, Node, Node];
      const { inverse } = node.attributes;
      const half = (a.shape[2] as number) / 2;
      // A pair has one angle in all heads.
      const ofPairs = (x: Node) => {
        const heads = ops.sum(x, [1]);
        const [low, high] = [ops.slice(heads, 2, 0, half), ops.slice(heads, 2, half, half)];
        return ops.reshape(ops.add(low, high), cos.shape);
      };
      const turned = ops.multiply(g, ops.rotateHalf(a));
      return [
        ops.rotate(g, cos, sin, !inverse),
        ofPairs(ops.multiply(g, a)),
        ops.scale(ofPairs(turned), inverse ? -1 : 1),
      ];
    },
    onnx: (emit, [a, cos, sin], { attributes, shape }) => {
      const [, heads, size] = shape as readonly [Dim, number, number];
      // One sequence of N tokens, whose places in the tables begin at 0.
      const sequence = emit.op('Reshape', [a!, emit.dims([1, -1, heads * size])]);
      const angle = attributes.inverse ? emit.op('Neg', [sin!]) : sin!;
      const inputs = [sequence, emit.dims([0]), cos!, angle];
      const turned = emit.op('RotaryEmbedding', inputs, {}, 'com.microsoft');
      return emit.op('Reshape', [turned, emit.dims([-1, heads, size])]);
    },
    interpret: ([a, cos, sin], { inverse }, shape) => {
      const half = shape[2]! / 2;
      const sign = inverse ? -1 : 1;
      return build(shape, ([n, h, i]) => {
        const isLow = i! < half;
        const pair = isLow ? i! : i! - half;
        const other = broadcastAt(a!, [n!, h!, isLow ? i! + half : pair]);
        const across = sign * broadcastAt(sin!, [n!, pair]) * other;
        return (
          broadcastAt(cos!, [n!, pair]) * broadcastAt(a!, [n!, h!, i!]) + (isLow ? -across : across)
        );
      });
    },
    recompute: true,
  },
};
