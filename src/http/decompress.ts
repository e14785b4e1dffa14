/** The content of a compressed response. Servers and proxies compress although `identity` was asked for. */
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { messageOf } from '../core/errors.ts';

type Decompressed =
  | { readonly kind: 'plain'; readonly body: Buffer }
  /** The end is missing: the response was cut on its way. */
  | { readonly kind: 'cut-short' }
  | { readonly kind: 'too-long' }
  | { readonly kind: 'unreadable'; readonly message: string };

type Decoder = (body: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const gunzip: Decoder = promisify(zlib.gunzip);
const inflate: Decoder = promisify(zlib.inflate);
const inflateRaw: Decoder = promisify(zlib.inflateRaw);

const decoders: Readonly<Record<string, Decoder>> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  // The standard means zlib's format by it; some servers send the bare stream, whose first byte differs.
  deflate: (body, options) =>
    ((body[0] ?? 0) & 0x0f) === 8 ? inflate(body, options) : inflateRaw(body, options),
  br: promisify(zlib.brotliDecompress),
  // Node has it from 22.15 on.
  ...('zstdDecompress' in zlib
    ? { zstd: promisify(zlib.zstdDecompress as unknown as typeof zlib.gunzip) }
    : {}),
};

/**
 * @param encoding as in the header `Content-Encoding`, the last one applied last
 * @param mostBytes of content: little data can hold much of it
 */
export async function decompress(
  body: Buffer,
  encoding: string | undefined,
  mostBytes: number,
): Promise<Decompressed> {
  const names = (encoding ?? '').toLowerCase().split(',');
  let content = body;
  for (const name of names.map((one) => one.trim()).toReversed()) {
    if (name === '' || name === 'identity') continue;
    const decode = Object.hasOwn(decoders, name) ? decoders[name] : undefined;
    if (decode === undefined) {
      const known = Object.keys(decoders).join(', ');
      const message = `the response is compressed (${JSON.stringify(name.slice(0, 40))}); known are ${known}`;
      return { kind: 'unreadable', message };
    }
    // An empty body, as of a refusal, is not compressed whatever its header says.
    if (content.length === 0) break;
    try {
      content = await decode(content, { maxOutputLength: mostBytes });
    } catch (error) {
      return failureOf(error, name);
    }
  }
  return { kind: 'plain', body: content };
}

function failureOf(error: unknown, name: string): Decompressed {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_BUFFER_TOO_LARGE') return { kind: 'too-long' };
  if (code === 'Z_BUF_ERROR') return { kind: 'cut-short' };
  const message = `the response is not the ${name} that its header says: ${messageOf(error)}`;
  return { kind: 'unreadable', message };
}
