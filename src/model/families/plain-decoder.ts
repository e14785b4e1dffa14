/**
 * Families that read text alone: pre-norm decoders with grouped-query attention, rotary positions and SwiGLU,
 * which differ in few facts. Source: transformers `models/llama`, `models/qwen2`, `models/qwen3`.
 */
import { z } from 'zod';
import { parseModelFile } from '../files/model-files.ts';
import type { FamilyName, TextConfig } from '../geometry.ts';
import { decoderFields, only, size, tokensOf } from './config-fields.ts';
import { writeDecoder } from './decoder-keys.ts';
import type { Family } from './family.ts';
import { ropeOf, scalingOf } from './rope.ts';

type Facts = Pick<TextConfig, 'attentionBias' | 'queryKeyNorm'> & {
  readonly name: FamilyName;
  readonly what: string;
  readonly architecture: string;
  /** Width of a head where config.json names none. @default hidden_size / num_attention_heads */
  readonly headDim?: number;
};

/** Keys that change what is computed in some revision of these families, and must not. */
const refused = {
  mlp_bias: only(false, 'a feed-forward layer with bias').nullish(),
  use_sliding_window: only(false, 'attention over a sliding window').nullish(),
  layer_types: z.array(only('full_attention', 'another attention')).max(1024).nullish(),
  partial_rotary_factor: only(1, 'a rotation of a part of each head').nullish(),
};

export function plainDecoder(facts: Facts): Family {
  const { name, what, architecture, attentionBias, queryKeyNorm } = facts;
  const schema = z.object({
    architectures: z.tuple([z.literal(architecture)]),
    model_type: z.literal(name),
    ...decoderFields,
    head_dim: size.nullish(),
    ...refused,
  });
  return {
    what,
    architecture,
    read: (files, where, generation) => {
      const file = parseModelFile(files, 'config.json', schema, where);
      const rope = ropeOf(file);
      const scaled = file.rope_scaling ? 'rope_scaling' : 'rope_parameters';
      const maxPositions = file.max_position_embeddings;
      const text: TextConfig = {
        vocabSize: file.vocab_size,
        hiddenSize: file.hidden_size,
        intermediateSize: file.intermediate_size,
        layers: file.num_hidden_layers,
        heads: file.num_attention_heads,
        kvHeads: file.num_key_value_heads ?? file.num_attention_heads,
        headDim: file.head_dim ?? facts.headDim ?? file.hidden_size / file.num_attention_heads,
        rmsNormEps: file.rms_norm_eps,
        ropeTheta: rope.rope_theta ?? 10_000,
        ropeScaling: scalingOf(rope, maxPositions, `${where}: ${scaled}`),
        mrope: undefined,
        maxPositions,
        tieWordEmbeddings: file.tie_word_embeddings ?? false,
        attentionBias,
        queryKeyNorm,
        prefix: 'model.',
      };
      return { family: name, text, vision: undefined, tokens: tokensOf(generation, file) };
    },
    problemsOf: () => [],
    write: ({ text, tokens }) => ({
      ...writeDecoder(text),
      // Where a key is absent, `transformers` takes the first Llama's.
      bos_token_id: null,
      eos_token_id: tokens.eos.length > 0 ? tokens.eos : null,
      pad_token_id: tokens.pad,
    }),
  };
}
