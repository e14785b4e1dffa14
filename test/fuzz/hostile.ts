/** Values, texts and files that nobody should be able to break a command with. */
import type { Rng } from '../../src/core/rng.ts';

const long = (length: number) => 'x'.repeat(length);
const nested = (depth: number, open: string, close: string) =>
  open.repeat(depth) + close.repeat(depth);

/** For options, arguments and the values of settings. */
export const hostileTexts: readonly string[] = [
  ...[
    '',
    ' ',
    '-',
    '--',
    '.',
    '..',
    '/',
    '~',
    '*',
    '=',
    ',',
    ':',
    '{',
    '[',
    '"',
    "'",
    '%',
    '@',
    '\\',
  ],
  ...['-1', '0', '1.5', 'NaN', '1e999', '-1e999', 'Infinity', '0x10', '1e-400', '9007199254740993'],
  ...[
    '99999999999999999999999',
    '1_000',
    '١٢',
    '½',
    'null',
    'true',
    'yes',
    'undefined',
    '[object Object]',
  ],
  ...[
    '"a\\0b"',
    '\u001b]0;owned\u0007',
    '\r',
    'a\nb',
    '\u202eabc',
    '\u2028',
    '\ufeffx',
    '"\\ud800"',
    'é',
    '肺',
    '👩‍⚕️',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '__proto__.x=1',
    'constructor.prototype.x=1',
  ],
  ...[
    '../..',
    '../../etc/passwd',
    '/dev/null/x',
    'file:///etc/passwd',
    'a/../../b',
    'C:\\x',
    'nul',
  ],
  ...[
    'http://',
    'http://[',
    'http://127.0.0.1:9/v1',
    'ftp://x',
    'https://user:pass@127.0.0.1:9',
    '127.0.0.1:99999',
  ],
  ...['owner/name', 'owner/name@split', '@split', 'a@b@c', 'x=y', '=y', 'x='],
  ...[
    '&a [*a]',
    '*a',
    '!!js/function x',
    '{a: 1, a: 2}',
    '- - - 1',
    '!!binary x',
    '? x',
    '%YAML 9',
    '|',
    '>',
  ],
  ...['{{ 7*7 }}', '{% for i in range(1000000000) %}x{% endfor %}', '{{ problem', '{% if %}'],
  long(300),
  long(5000),
  long(1_000_000),
  nested(5000, '[', ']'),
  nested(500, '{a: ', '}'),
  '\n'.repeat(5000),
];

/** In place of a value inside of JSON, as it is written there. */
const hostileJson: readonly string[] = [
  ...[
    'null',
    'true',
    '0',
    '-1',
    '1.5',
    '1e999',
    '-1e999',
    '1e-400',
    '9007199254740993',
    '1e15',
    '99999999',
  ],
  ...[
    '""',
    '" "',
    '"x"',
    '"NaN"',
    '"\\u0000"',
    '"\\ud800"',
    '"\\u001b]0;x\\u0007"',
    '"\\u202e"',
    '"../../x"',
    '"/etc/passwd"',
  ],
  ...[
    '[]',
    '{}',
    '[null]',
    '[[]]',
    '[0]',
    '["x"]',
    '{"a":1}',
    '{"__proto__":{"x":1}}',
    '{"constructor":1}',
    '{"toString":1}',
  ],
  ...[
    '{"kind":"x"}',
    '"__proto__"',
    '"constructor"',
    '[1e999]',
    '"http://127.0.0.1:9"',
    '"2026-13-45T99:99:99Z"',
  ],
  JSON.stringify(long(3000)),
  nested(3000, '[', ']'),
  `[${Array.from({ length: 2000 }, (_, n) => n).join(',')}]`,
  `{${Array.from({ length: 3000 }, (_, n) => `"k${n}":${n}`).join(',')}}`,
];

const bytes = (text: string) => Buffer.from(text, 'latin1');

/** Whole contents of files, whatever the name of the file promises. */
export const hostileContents: Readonly<Record<string, Buffer>> = {
  empty: bytes(''),
  newlines: bytes('\n\n\n'),
  'one NUL': bytes('\0'),
  'a mark of byte order': Buffer.from('\ufeff'),
  'text of another order of bytes': Buffer.from('\ufeff{"id": 1}\n', 'utf16le'),
  'not UTF-8': bytes('{"id": "\xff\xfe"}\n'),
  'JSON null': bytes('null\n'),
  'a JSON number': bytes('5\n'),
  'a JSON text': bytes('"x"\n'),
  'a JSON list': bytes('[1, 2]\n'),
  'an empty list': bytes('[]\n'),
  'an empty object': bytes('{}\n'),
  'a cut object': bytes('{"id": 1, "prob'),
  'huge numbers': bytes('{"id": 1e999, "n": 99999999999999999999}\n'),
  'keys twice': bytes('{"id": 1, "id": 2, "__proto__": {"x": 1}, "constructor": 1}\n'),
  'deep lists': bytes(nested(20_000, '[', ']')),
  'deep objects': bytes(nested(20_000, '{"a":', '}').replace('}', '1}')),
  'many keys': bytes(`{${Array.from({ length: 3000 }, (_, n) => `"k${n}": ${n}`).join(',')}}`),
  'aliases of aliases': bytes(
    `a0: &a0 [x]\n${Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`).join('\n')}\n`,
  ),
  'an alias of itself': bytes('a: &a [*a]\n'),
  'odd YAML': bytes('? {a: 1}\n: !!binary x\n<<: 5\n'),
  'several documents': bytes('--- 1\n--- 2\n'),
  'a line of 200 kB': bytes(`{"id": "${long(200_000)}"}\n`),
  'terminal commands': bytes('{"id": "\x1b]0;x\x07\\u001b[2J", "\x1b[2J": 1}\n'),
  'a PNG that ends': bytes('\x89PNG\r\n\x1a\n\0\0\0\rIHDR'),
  'a JPEG that ends': bytes('\xff\xd8\xff\xe0\0\x10JFIF'),
  'a GIF': bytes('GIF89a\x01\0\x01\0\0\0\0;'),
  'an SVG': bytes('<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>'),
  'a parquet frame': bytes('PAR1\xff\xff\xff\x7fPAR1'),
  'an empty parquet footer': bytes('PAR1\0\0\0\0PAR1'),
  'a header without weights': bytes('\x02\0\0\0\0\0\0\0{}'),
  'a header of 2^63 bytes': bytes('\xff\xff\xff\xff\xff\xff\xff\x7f{}'),
  'a header that is a list': bytes('\x02\0\0\0\0\0\0\0[]'),
  'a zip': bytes('PK\x03\x04\x14\0\0\0'),
  gzip: bytes('\x1f\x8b\x08\0\0\0\0\0'),
  'a Git LFS pointer': bytes('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n'),
  'an endless template': bytes('{% for i in range(1000000000) %}x{% endfor %}'),
  'a template that names nothing': bytes('{{ nothing.at.all() }}'),
  'an open template': bytes('{% for'),
};

/** A copy with something wrong at a random place. */
export function damaged(content: Buffer, rng: Rng): Buffer {
  const at = rng.integer(Math.max(1, content.length));
  switch (rng.integer(6)) {
    case 0:
      return content.subarray(0, at);
    case 1:
      return content.subarray(at);
    case 2: {
      const copy = Buffer.from(content);
      for (let n = 0; n < 1 + rng.integer(20); n++) {
        copy[rng.integer(Math.max(1, copy.length))] = rng.integer(256);
      }
      return copy;
    }
    case 3:
      return Buffer.concat([content.subarray(0, at), Buffer.alloc(64), content.subarray(at)]);
    case 4:
      return Buffer.concat([Buffer.from('\ufeff'), content]);
    default:
      return Buffer.concat([content, content]);
  }
}

/** JSON or JSONL with one value, or one key, replaced, doubled or left out; undefined where it is neither. */
export function withOtherValue(text: string, rng: Rng): string | undefined {
  // Values as they are written: scalars, and the brackets of empty ones.
  const values = [
    ...text.matchAll(
      /("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(\s*:)?/g,
    ),
  ];
  if (!/^\s*[[{]/.test(text) || values.length === 0) return undefined;
  const { 0: found, 1: value = '', 2: colon, index } = rng.pick(values);
  const after = text.slice(index + found.length);
  const before = text.slice(0, index);
  if (colon !== undefined) {
    const key = rng.pick(['"__proto__"', '"x"', '"constructor"', '""', value.toUpperCase()]);
    return `${before}${key}${colon}${after}`;
  }
  return before + rng.pick(hostileJson) + after;
}

/** The same for a whole section, e.g. an object where a list was. */
export function withOtherSection(text: string, rng: Rng): string | undefined {
  const opens = [...text.matchAll(/[[{]/g)].map(({ index }) => index);
  if (!/^\s*[[{]/.test(text) || opens.length === 0) return undefined;
  const from = rng.pick(opens.slice(0, 400));
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if ('[{'.includes(text[at] ?? '')) depth++;
    if (']}'.includes(text[at] ?? '') && --depth === 0) {
      return text.slice(0, from) + rng.pick(hostileJson) + text.slice(at + 1);
    }
  }
  return undefined;
}
