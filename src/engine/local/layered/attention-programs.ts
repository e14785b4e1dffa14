/** Attention without the layers around it, one program for all layers. Layouts are those of attention.ts. */

import type { TextConfig } from '../../../model/config.ts';
import {
  groupAttention,
  promptAttention,
  stepAttention,
} from '../../../model/decoder/attention.ts';
import { type Dim, dimAdd, dimMultiply } from '../../../tensor/dim.ts';
import { gradientsOf } from '../../../tensor/gradient.ts';
import type { Node } from '../../../tensor/node.ts';
import * as ops from '../../../tensor/ops.ts';
import type { Compile, Program } from '../../../tensor/program.ts';

/** All are fed `query`, `key` and `value` and give `mixed`, unless it says otherwise. */
export class AttentionPrograms {
  readonly #text: TextConfig;
  readonly #compile: Compile;
  readonly #compiled = new Map<string, Promise<Program>>();

  constructor(text: TextConfig, compile: Compile) {
    this.#text = text;
    this.#compile = compile;
  }

  /** Gives `promptKey0` and `promptValue0` [P, K, S, d] as well. */
  prompt(): Promise<Program> {
    return this.#once('prompt', () => {
      const { query, key, value } = this.#inputs(dimMultiply('P', 'S'));
      const kept: Record<string, Node> = {};
      const attend = promptAttention(this.#text, (_, keys, values) => {
        kept['promptKey0'] = keys;
        kept['promptValue0'] = values;
      });
      const mixed = attend(0, query, key, value);
      return { mixed, ...kept };
    });
  }

  group(): Promise<Program> {
    return this.#once('group', () => ({ mixed: this.#group().mixed }));
  }

  /** Is fed `seed:mixed` as well; gives `gradient:query`, `gradient:key` and `gradient:value`. */
  groupBackward(): Promise<Program> {
    return this.#once('group backward', () => {
      const { mixed, query, key, value } = this.#group();
      const seed = ops.input('seed:mixed', mixed.shape);
      const [dQuery, dKey, dValue] = gradientsOf([{ output: mixed, seed }], [query, key, value]);
      return {
        'gradient:query': dQuery!,
        'gradient:key': dKey!,
        'gradient:value': dValue!,
      };
    });
  }

  /** Is fed the caches under the names of layer 0; gives `newKey0` and `newValue0` [P·R, K, d] as well. */
  step(): Promise<Program> {
    return this.#once('step', () => {
      const { query, key, value } = this.#inputs(dimMultiply('P', 'R'));
      const mixed = stepAttention(this.#text, () => {})(0, query, key, value);
      return { mixed };
    });
  }

  async dispose(): Promise<void> {
    for (const program of await Promise.all(this.#compiled.values())) await program.dispose();
  }

  #group() {
    const tokens = dimAdd(dimMultiply('P', 'S'), dimMultiply('P', 'G', 'C'));
    const inputs = this.#inputs(tokens);
    const { query, key, value } = inputs;
    return { ...inputs, mixed: groupAttention(this.#text)(0, query, key, value) };
  }

  #inputs(tokens: Dim) {
    const { heads, kvHeads, headDim } = this.#text;
    return {
      query: ops.input('query', [tokens, heads, headDim]),
      key: ops.input('key', [tokens, kvHeads, headDim]),
      value: ops.input('value', [tokens, kvHeads, headDim]),
    };
  }

  #once(name: string, build: () => Record<string, Node>): Promise<Program> {
    let program = this.#compiled.get(name);
    if (program === undefined) {
      program = this.#compile(build());
      this.#compiled.set(name, program);
    }
    return program;
  }
}
