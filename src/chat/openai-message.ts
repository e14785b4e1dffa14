/** Messages as OpenAI-compatible servers take them; images travel as data URLs, in their own encoding. */
import { defined } from '../core/errors.ts';
import type { ContentPart, Message } from '../core/message.ts';
import { quoted } from '../core/quoted.ts';
import { rasterFormat } from '../image/image-name.ts';

/**
 * A message that is not {@link unsendable}. One of text alone is one string, which every server and chat template takes; with images it is
 * a list of parts in their order.
 */
export function openAiMessage({ role, content }: Message) {
  const texts = content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  if (texts.length === content.length) return { role, content: texts.join('') };
  return { role, content: content.map(openAiPart) };
}

function openAiPart(part: ContentPart) {
  if (part.type === 'text') return { type: 'text', text: part.text };
  const { bytes } = part.image;
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return { type: 'image_url', image_url: { url: `data:${mediaType(bytes)};base64,${base64}` } };
}

/** What keeps messages from being sent: an image that is none, which may be any other file of the user. */
export function unsendable(messages: readonly Message[]): string | undefined {
  const images = messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'image' ? [part.image] : [])),
  );
  const other = images.find(({ bytes }) => rasterFormat(bytes) === undefined);
  return (
    other &&
    `image ${quoted(other.name, 100)}: ${other.bytes.length} bytes of no known image format`
  );
}

/** By the bytes, since names in data sets are often wrong or missing. */
function mediaType(bytes: Uint8Array): string {
  return defined(rasterFormat(bytes), 'format of an image').mediaType;
}
