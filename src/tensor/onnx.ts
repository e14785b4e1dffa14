/** Emits a graph as an ONNX model. Equal subexpressions are emitted once. */
import { basename, dirname } from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  type TensorProtoSchema,
  TypeProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';
import type { Device } from './device.ts';
import type { Dim, Shape } from './dim.ts';
import type { AttributeValue, Emitter, LeftBits } from './emitter.ts';
import { type Node, topologicalOrder } from './node.ts';
import type { DataType, OpKind } from './op-attributes.ts';
import type { OpRule } from './op-rule.ts';
import { opTable } from './op-table.ts';

type GraphInput = {
  readonly name: string;
  readonly shape: Shape;
  readonly dataType: DataType;
};

export type OnnxGraph = {
  readonly bytes: Uint8Array;
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly { readonly name: string; readonly shape: Shape }[];
  /** Expressions of named dimensions that are fed as int64 inputs `dim:<expression>`. */
  readonly dims: readonly string[];
  /** Where the files lie that the model names; such a model is opened by a path beside them. */
  readonly folder: string | undefined;
};

const opset = 20n;
const irVersion = 10n;

type OnnxNode = MessageInitShape<typeof NodeProtoSchema> & {
  readonly input: readonly string[];
  readonly output: readonly string[];
};

/**
 * Every model's first result: an empty sequence. The runtime's binding cannot hand it back; program.ts
 * tells what that is good for.
 */
export const lastWord = 'done';

/**
 * @param outputs result name to node.
 * @param given nodes whose values are fed under these names instead of being computed.
 * @param device that the model is for
 * @param leftBits of its processor; of use to products of integers alone
 */
export function emitOnnx(
  outputs: Readonly<Record<string, Node>>,
  given: ReadonlyMap<Node, string> = new Map(),
  device: Device = 'cpu',
  leftBits: LeftBits = 8,
): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, MessageInitShape<typeof TensorProtoSchema>>();
  const inputs = new Map<string, GraphInput>();
  const dims = new Set<string>();
  const emitted = new Map<string, string>();
  const vectors = new Map<Float32Array, string>();
  let folder: string | undefined;

  const op: Emitter['op'] = (type, operands, attributes = {}, domain = '') => {
    const key = JSON.stringify([type, operands, attributes]);
    const known = emitted.get(key);
    if (known !== undefined) return known;
    const result = `v${nodes.length}`;
    nodes.push({
      name: `${type}_${nodes.length}`,
      opType: type,
      domain,
      input: [...operands],
      output: [result],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    emitted.set(key, result);
    return result;
  };
  const int64s = (values: readonly number[]): string => {
    const name = `i64:${values.join(',')}`;
    initializers.set(name, {
      name,
      dataType: TensorProto_DataType.INT64,
      dims: [BigInt(values.length)],
      int64Data: values.map(BigInt),
    });
    return name;
  };
  const emitter: Emitter = {
    device,
    leftBits,
    op,
    dims: (values) => {
      if (values.every((dim) => typeof dim === 'number')) return int64s(values);
      const parts = values.map((dim) => {
        if (typeof dim === 'number') return int64s([dim]);
        dims.add(dim);
        return `dim:${dim}`;
      });
      return parts.length === 1 ? parts[0]! : op('Concat', parts, { axis: 0 });
    },
    scalar: (value, type = 'float32') => {
      const name = `${type}:${value}`;
      initializers.set(
        name,
        type === 'float32'
          ? { name, dataType: TensorProto_DataType.FLOAT, dims: [], floatData: [value] }
          : {
              name,
              dataType: TensorProto_DataType.UINT8,
              dims: [],
              rawData: Uint8Array.of(value),
            },
      );
      return name;
    },
    vector: (values) => {
      const known = vectors.get(values);
      if (known !== undefined) return known;
      const name = `vector:${vectors.size}`;
      vectors.set(values, name);
      initializers.set(name, {
        name,
        dataType: TensorProto_DataType.FLOAT,
        dims: [BigInt(values.length)],
        floatData: [...values],
      });
      return name;
    },
    integers: (file, offset, shape) => {
      folder = dirname(file);
      const name = `integers:${basename(file)}:${offset}`;
      const [rows, columns] = shape;
      const entries = { location: basename(file), offset, length: rows * columns };
      initializers.set(name, {
        name,
        dataType: TensorProto_DataType.INT8,
        dims: shape.map(BigInt),
        dataLocation: TensorProto_DataLocation.EXTERNAL,
        externalData: Object.entries(entries).map(([key, value]) => ({
          key,
          value: String(value),
        })),
      });
      return name;
    },
  };

  const names = new Map<Node, string>();
  const declare = (node: Node, name: string, dataType: DataType): void => {
    inputs.set(name, { name, shape: node.shape, dataType });
    names.set(node, name);
  };
  for (const node of topologicalOrder(Object.values(outputs), (node) => given.has(node))) {
    const fed = given.get(node);
    if (fed !== undefined) declare(node, fed, 'float32');
    else if (node.kind === 'input') declare(node, node.attributes.name, node.attributes.dataType);
    else {
      const operands = node.inputs.map((operand) => names.get(operand)!);
      names.set(node, (opTable[node.kind] as OpRule<OpKind>).onnx(emitter, operands, node));
    }
  }
  // A result takes the place of the value it is, rather than a copy of it; an input, or a value that
  // already is a result, gets a node of its own.
  const computed = new Set(emitted.values());
  const resultNames = new Map<string, string>();
  for (const [name, node] of Object.entries(outputs)) {
    const value = names.get(node)!;
    if (computed.has(value) && !resultNames.has(value)) resultNames.set(value, name);
    else nodes.push({ opType: 'Identity', input: [value], output: [name] });
  }
  const rename = (value: string) => resultNames.get(value) ?? value;
  const results = Object.entries(outputs).map(([name, { shape }]) => ({ name, shape }));
  nodes.push({ opType: 'SequenceEmpty', input: [], output: [lastWord] });

  const model = create(ModelProtoSchema, {
    irVersion,
    producerName: 'medix',
    opsetImport: [
      { domain: '', version: opset },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph: {
      name: 'graph',
      node: nodes.map((node) => ({
        ...node,
        input: node.input.map(rename),
        output: node.output.map(rename),
      })),
      initializer: [...initializers.values()],
      input: [
        ...[...inputs.values()].map(({ name, shape, dataType }) =>
          valueInfo(name, shape, elementTypes[dataType]),
        ),
        ...[...dims].map((dim) => valueInfo(`dim:${dim}`, [1], 'INT64')),
      ],
      output: [
        emptySequence(lastWord),
        ...results.map(({ name, shape }) => valueInfo(name, shape, 'FLOAT')),
      ],
    },
  });
  return {
    bytes: toBinary(ModelProtoSchema, model),
    inputs: [...inputs.values()],
    outputs: results,
    dims: [...dims],
    folder,
  };
}

const elementTypes = { float32: 'FLOAT', float16: 'FLOAT16', int32: 'INT32' } as const;

function attribute(
  name: string,
  value: AttributeValue,
): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === 'number') {
    return { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) };
  }
  if (typeof value === 'string') {
    const s = new TextEncoder().encode(value);
    return { name, type: AttributeProto_AttributeType.STRING, s };
  }
  if ('float' in value) return { name, type: AttributeProto_AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) };
}

function valueInfo(
  name: string,
  shape: Shape,
  type: 'FLOAT' | 'FLOAT16' | 'INT32' | 'INT64',
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = (value: Dim) =>
    typeof value === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(value) } }
      : { value: { case: 'dimParam' as const, value } };
  return {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: { elemType: TensorProto_DataType[type], shape: { dim: shape.map(dim) } },
      },
    },
  };
}

function emptySequence(name: string): MessageInitShape<typeof ValueInfoProtoSchema> {
  const element = create(TypeProtoSchema, {
    value: { case: 'tensorType', value: { elemType: TensorProto_DataType.FLOAT } },
  });
  return { name, type: { value: { case: 'sequenceType', value: { elemType: element } } } };
}
