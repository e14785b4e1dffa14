const keepingMarks = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const droppingMark = new TextDecoder('utf-8', { fatal: true });

/**
 * The text of UTF-8 bytes; undefined where they are none. Damaged bytes never become U+FFFD.
 *
 * @param byteOrderMark whether a mark at the start belongs to the text. @default kept
 */
export function decodeUtf8(
  bytes: Uint8Array,
  byteOrderMark: 'kept' | 'dropped' = 'kept',
): string | undefined {
  try {
    return (byteOrderMark === 'kept' ? keepingMarks : droppingMark).decode(bytes);
  } catch {
    return undefined;
  }
}
