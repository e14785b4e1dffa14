/** Messages as OpenAI-compatible servers take them; images travel as data URLs, in their own encoding. */
import type { ContentPart, Message } from '../core/message.ts';

/**
 * A message of text alone is one string, which every server and chat template takes; with images it is
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

/** First bytes of each encoding, in hexadecimal. */
const signatures = [
  ['image/png', /^89504e470d0a1a0a/],
  ['image/jpeg', /^ffd8ff/],
  ['image/gif', /^47494638(37|39)61/],
  ['image/webp', /^52494646.{8}57454250/],
  ['image/bmp', /^424d/],
] as const;

/** By the bytes, since names in data sets are often wrong or missing. */
function mediaType(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('hex');
  const match = signatures.find(([, signature]) => signature.test(start));
  // Servers then look for themselves.
  return match?.[0] ?? 'application/octet-stream';
}
