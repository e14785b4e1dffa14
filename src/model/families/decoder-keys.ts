/** The sizes of a decoder, which all families name alike. */
import type { TextConfig } from '../geometry.ts';
import { writeRope } from './rope.ts';

/** Keys of config.json, or of its text part. */
export function writeDecoder(text: TextConfig): Readonly<Record<string, unknown>> {
  return {
    vocab_size: text.vocabSize,
    hidden_size: text.hiddenSize,
    intermediate_size: text.intermediateSize,
    num_hidden_layers: text.layers,
    num_attention_heads: text.heads,
    num_key_value_heads: text.kvHeads,
    head_dim: text.headDim,
    hidden_act: 'silu',
    rms_norm_eps: text.rmsNormEps,
    max_position_embeddings: text.maxPositions,
    attention_bias: false,
    attention_dropout: 0,
    tie_word_embeddings: text.tieWordEmbeddings,
    ...writeRope(text),
  };
}
