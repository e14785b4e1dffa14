/** One item as it came over the wire, made into what the reward scores. */

import { messageOf } from '../../core/errors.ts';
import { given } from '../../core/given.ts';
import type { ImageFile } from '../../core/sample.ts';
import { imageOfText } from '../../image/named-image.ts';
import type { RewardProfile } from '../../reward/profile.ts';
import { type RewardItem, readGroundTruth } from '../../reward/reward-item.ts';
import { itemSchema, type WireItem } from './wire.ts';

export type ReadableItem = {
  readonly kind: 'readable';
  readonly id: string;
  readonly wire: WireItem;
  readonly item: RewardItem;
};

type ReadItem =
  | ReadableItem
  | { readonly kind: 'malformed'; readonly id: string; readonly message: string };

/** What a service scores by. */
export type ItemReading = {
  readonly profile: RewardProfile;
  /** Whether the score depends on the images of the question, so that an item must say which it has. */
  readonly needsImages: boolean;
};

/** @param place of the item in its batch, from 0: its id where it brings none that can be read. */
export function readItem(
  raw: unknown,
  place: number,
  { profile, needsImages }: ItemReading,
): ReadItem {
  const parsed = itemSchema.safeParse(raw);
  if (!parsed.success) {
    return {
      kind: 'malformed',
      id: idOf(raw) ?? String(place),
      message: messageOf(parsed.error),
    };
  }
  const wire = parsed.data;
  const id = wire.id ?? String(place);
  const malformed = (message: string): ReadItem => ({ kind: 'malformed', id, message });

  const truth = readGroundTruth(wire.ground_truth, profile);
  if (truth.kind === 'malformed') return malformed(truth.problem);
  const modality = truth.truth.modality ?? wire.modality;
  if (wire.modality !== undefined && wire.modality !== modality) {
    return malformed(`modality ${wire.modality} contradicts the ground truth's <${modality}>`);
  }
  if (needsImages && wire.images === undefined) {
    return malformed(
      'images: missing, and the score depends on them; send those of the question, or [] where it has none',
    );
  }
  const images: ImageFile[] = [];
  for (const [index, text] of (wire.images ?? []).entries()) {
    const bytes = imageOfText(text);
    if (bytes === undefined)
      return malformed(`images.${index}: neither base64 nor a data URL of base64`);
    images.push({ bytes, name: `image ${index} of item ${id}` });
  }
  const { question: problem, accepted, rubric, reading, response } = wire;
  const known = given({ modality, rubric, reading });
  return {
    kind: 'readable',
    id,
    wire,
    item: { sample: { problem, images, accepted, ...truth.truth, ...known }, response },
  };
}

function idOf(raw: unknown): string | undefined {
  const id = itemSchema.shape.id.safeParse((raw as { id?: unknown } | null | undefined)?.id);
  return id.success ? id.data : undefined;
}
