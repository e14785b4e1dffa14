/** Numbers, durations and foreign texts as people read them. */

/** Three significant digits; a dash where nothing was measured. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (Number.isInteger(value) && size < 1e7) return value.toLocaleString('en');
  if (size >= 1e6 || size < 1e-4) return value.toExponential(1).replace('-', '−');
  if (size >= 1000) return Math.round(value).toLocaleString('en').replace('-', '−');
  return value.toPrecision(3).replace('-', '−');
}

export function fixed(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined) return '–';
  return value.toFixed(digits).replace('-', '−');
}

export function signed(value: number | null, digits = 2): string {
  if (value === null) return '–';
  return `${value > 0 ? '+' : ''}${fixed(value, digits)}`;
}

export function percent(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined) return '–';
  return `${(value * 100).toFixed(digits)} %`.replace('-', '−');
}

export function count(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString('en')} ${value === 1 ? one : many}`;
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) {
    const minutes = Math.round((seconds % 3600) / 60);
    return `${Math.floor(seconds / 3600)} h ${minutes} min`;
  }
  return `${Math.round(seconds / 86_400)} days`;
}

/** `2026-11-29 09:12`, in the reader's time. */
export function moment(text: string | null): string {
  if (text === null) return '–';
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Control characters and marks that turn the direction of writing are shown and have no effect. */
export function visible(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, picture);
}

function picture(mark: string): string {
  const code = mark.charCodeAt(0);
  if (code >= 0x80) return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return '␡';
}

export function json(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '–');
}

/** `allRight` as `all right`. */
export function inWords(name: string): string {
  return name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
