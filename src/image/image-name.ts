/** What kind of image file bytes are, by their first bytes, and the name they are kept under. */
import { digestOfBytes } from '../core/digest.ts';

const signatures: readonly (readonly [suffix: string, offset: number, bytes: string])[] = [
  ['png', 0, '89504e470d0a1a0a'],
  ['jpg', 0, 'ffd8ff'],
  ['gif', 0, '474946383761'],
  ['gif', 0, '474946383961'],
  ['webp', 8, '57454250'],
  ['tif', 0, '49492a00'],
  ['tif', 0, '4d4d002a'],
  ['bmp', 0, '424d'],
  ['jp2', 0, '0000000c6a502020'],
  ['heic', 4, '66747970686569'],
  ['avif', 4, '6674797061766966'],
];

/** The usual file ending of the format, without a dot; undefined where it is none that is known. */
function suffixOf(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 16)).toString('hex');
  return signatures.find(([, offset, signature]) => head.startsWith(signature, 2 * offset))?.[0];
}

/** `<SHA-256>.<ending>`: the same for the same bytes, whatever the file was called; `bin` where unknown. */
export function imageName(bytes: Uint8Array): string {
  return `${digestOfBytes(bytes)}.${suffixOf(bytes) ?? 'bin'}`;
}
