/** Values of parquet files without loss: decimals, dates and 32-bit numbers as they were written. */
import { type FileMetaData, parquetSchema, type SchemaElement, type SchemaTree } from 'hyparquet';
import { parseExactJson } from '../core/exact-json.ts';
import { decodeUtf8 } from '../core/utf8.ts';

/** Bytes that are not what their column says stay bytes: whoever reads the column then tells. */
export const parsers = {
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && (decodeUtf8(bytes) ?? bytes),
  jsonFromBytes: (bytes: Uint8Array | undefined) => {
    const text = bytes && decodeUtf8(bytes);
    if (text === undefined) return bytes;
    const read = parseExactJson(text);
    return read.kind === 'value' ? read.value : text;
  },
  dateFromDays: (days: number) => dateText(days * 86_400_000)?.slice(0, 10) ?? days,
  timestampFromMilliseconds: (time: bigint) => dateText(Number(time)) ?? time,
  timestampFromMicroseconds: (time: bigint) => dateText(Number(time / 1000n)) ?? time,
  timestampFromNanoseconds: (time: bigint) => dateText(Number(time / 1_000_000n)) ?? time,
};

function dateText(milliseconds: number): string | undefined {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * @returns metadata under which values come as they are stored, and what makes a row of such values exact:
 *   decimals have all their digits, and 32-bit floats those that tell them apart.
 */
export function exactReader(metadata: FileMetaData): {
  readonly asStored: FileMetaData;
  readonly exactValue: (fields: Fields) => Fields;
} {
  const columns = parquetSchema(metadata).children.filter(holdsInexact);
  const asStored = { ...metadata, schema: metadata.schema.map(withoutDecimal) };
  if (columns.length === 0) return { asStored, exactValue: (fields) => fields };
  const exactValue = (fields: Fields) => {
    const changed = columns
      .filter(({ element }) => element.name in fields)
      .map((column) => [column.element.name, exactly(fields[column.element.name], column)]);
    return { ...fields, ...Object.fromEntries(changed) };
  };
  return { asStored, exactValue };
}

function holdsInexact({ element, children }: SchemaTree): boolean {
  return isDecimal(element) || element.type === 'FLOAT' || children.some(holdsInexact);
}

function isDecimal({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return converted === 'DECIMAL' || logical?.type === 'DECIMAL';
}

function withoutDecimal(element: SchemaElement): SchemaElement {
  if (!isDecimal(element)) return element;
  const { converted_type: _, logical_type: __, ...stored } = element;
  return stored;
}

/** Follows a value and its column's type: lists are arrays, groups are objects. */
function exactly(value: unknown, { element, children }: SchemaTree): unknown {
  if (value === undefined || value === null) return value;
  if (children.length === 0) {
    return Array.isArray(value)
      ? value.map((item) => exactLeaf(item, element))
      : exactLeaf(value, element);
  }
  if (Array.isArray(value)) {
    const [inner] = children;
    const item =
      inner?.element.repetition_type === 'REPEATED' ? (inner.children[0] ?? inner) : inner;
    return item ? value.map((entry) => exactly(entry, item)) : value;
  }
  if (typeof value !== 'object') return value;
  const types = new Map(children.map((child) => [child.element.name, child]));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const type = types.get(name);
      return [name, type ? exactly(inner, type) : inner];
    }),
  );
}

function exactLeaf(value: unknown, element: SchemaElement): unknown {
  if (isDecimal(element)) return decimal(value, element.scale ?? 0);
  return element.type === 'FLOAT' && typeof value === 'number' ? shortest(value) : value;
}

/** A number where it says the same as the digits, else a bigint or the digits as text. */
function decimal(stored: unknown, scale: number): unknown {
  const unscaled = stored instanceof Uint8Array ? signedInteger(stored) : stored;
  if (typeof unscaled !== 'number' && typeof unscaled !== 'bigint') return stored;
  const digits = String(unscaled).replace('-', '');
  const whole = scale > 0 ? digits.padStart(scale + 1, '0') : digits + '0'.repeat(-scale);
  const sign = unscaled < 0 ? '-' : '';
  if (scale > 0 && digits.length > 15) {
    return `${sign}${whole.slice(0, -scale)}.${whole.slice(-scale)}`;
  }
  if (scale > 0) return Number(`${sign}${whole.slice(0, -scale)}.${whole.slice(-scale)}`);
  const integer = BigInt(sign + whole);
  return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
}

/** Two's complement, most significant byte first. */
function signedInteger(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  return BigInt.asIntN(8 * bytes.length, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}

/** The shortest number that is this one in 32 bits: 5.1, not 5.099999904632568. */
function shortest(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 1; digits < 10; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return value;
}
