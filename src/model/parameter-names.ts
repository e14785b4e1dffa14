/** Public names of the decoder's parameters, which several parts look for. */
import type { TextConfig } from './geometry.ts';

type Named = Pick<TextConfig, 'prefix'>;

export function layerName({ prefix }: Named, layer: number): string {
  return `${prefix}layers.${layer}`;
}

/** The token table, without `.weight`. */
export function tableName({ prefix }: Named): string {
  return `${prefix}embed_tokens`;
}

/** The norm before the head, without `.weight`. */
export function finalNormName({ prefix }: Named): string {
  return `${prefix}norm`;
}

/** The matrix that gives scores over the vocabulary, without `.weight`. */
export function headName(text: Named & Pick<TextConfig, 'tieWordEmbeddings'>): string {
  return text.tieWordEmbeddings ? tableName(text) : 'lm_head';
}
