/** Settings of rotary embeddings, read from config.json and written back. */
import { fail } from '../../core/errors.ts';
import type { RopeScaling, TextConfig } from '../geometry.ts';
import type { RopeFile } from './config-fields.ts';

type RopeKeys = {
  readonly rope_theta?: number | undefined;
  readonly rope_scaling?: RopeFile | null | undefined;
  readonly rope_parameters?: RopeFile | null | undefined;
};

/** Both generations of keys as one. */
export function ropeOf(keys: RopeKeys): RopeFile & { readonly kind: string } {
  const rope = { ...keys.rope_parameters, ...keys.rope_scaling };
  const theta = rope.rope_theta ?? keys.rope_theta;
  const kind = rope.rope_type ?? rope.type ?? 'default';
  return { ...rope, kind, ...(theta === undefined ? {} : { rope_theta: theta }) };
}

/** @param where of the settings in messages */
export function refuseRope(where: string, expected: string, kind: string): never {
  return fail('model', {
    where: `${where}.rope_type`,
    expected,
    got: `'${kind}'`,
    next: 'use a checkpoint whose positions are scaled in no other way',
  });
}

/** @throws MedixError 'model' where positions are scaled in a way that is not computed here, or a number is missing */
export function scalingOf(
  rope: ReturnType<typeof ropeOf>,
  maxPositions: number,
  where: string,
): RopeScaling | undefined {
  if (rope.kind === 'default') return undefined;
  if (rope.kind !== 'llama3') return refuseRope(where, "'default' or 'llama3'", rope.kind);
  const { factor, low_freq_factor: low, high_freq_factor: high } = rope;
  const original = rope.original_max_position_embeddings ?? maxPositions;
  if (factor && low && high && factor >= 1 && low > 0 && high > low && original > 0) {
    return {
      factor,
      lowFrequencyFactor: low,
      highFrequencyFactor: high,
      originalMaxPositions: original,
    };
  }
  return fail('model', {
    where,
    expected: 'factor of at least 1, and 0 < low_freq_factor < high_freq_factor',
    got: `${factor}, ${low} and ${high}`,
    next: 'use the unchanged config.json of the checkpoint',
  });
}

/** Rotary settings twice, since `transformers` before and after 5 ignores the other's keys. */
export function writeRope({ ropeTheta, ropeScaling, mrope }: TextConfig) {
  const layout = mrope && {
    ...(mrope.layout === 'interleaved' ? { mrope_interleaved: true } : { type: 'mrope' }),
    mrope_section: mrope.section,
  };
  const scaling = ropeScaling && {
    rope_type: 'llama3',
    factor: ropeScaling.factor,
    low_freq_factor: ropeScaling.lowFrequencyFactor,
    high_freq_factor: ropeScaling.highFrequencyFactor,
    original_max_position_embeddings: ropeScaling.originalMaxPositions,
  };
  const rope = { rope_type: 'default', ...layout, ...scaling };
  return {
    rope_theta: ropeTheta,
    rope_scaling: layout || scaling ? rope : null,
    rope_parameters: { ...rope, rope_theta: ropeTheta },
  };
}
