/** The frozen weights under an adapter. */
import type { ModelConfig } from '../../../model/config.ts';
import type { Node } from '../../../tensor/node.ts';
import type { DataType } from '../../../tensor/op-attributes.ts';
import type { Values } from '../../../tensor/program.ts';

/** `int8`: matrices as 8-bit integers with a scale per row; norms, biases and tables stay float32. */
export type BaseFormat = 'f32' | 'f16' | 'int8';

/** Declares what a program is fed; the same node for the same name. */
export type DeclareInput = (name: string, dataType?: DataType) => Node;

export type Base = {
  readonly config: ModelConfig;
  readonly format: BaseFormat;
  /** Tells the weights themselves: two checkpoints of the same values have the same. */
  readonly digest: string;
  /** Number of elements. */
  readonly parameters: number;
  readonly shapeOf: (name: string) => readonly number[] | undefined;
  /** x [N, in] times the frozen matrix of a layer, named without `.weight`. */
  readonly product: (x: Node, layer: string, input: DeclareInput) => Node;
  /** What an input declared under a parameter's name is fed. */
  readonly value: (name: string) => Values[string];
  /** Whether matrices are fed, so that one program serves every layer. */
  readonly isFed: boolean;
  /** Rows of the token table [tokens, D]. */
  readonly embed: (tokens: Int32Array, into: Float32Array) => Promise<void>;
  readonly close: () => Promise<void>;
};
