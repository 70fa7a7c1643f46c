// A value as text: short for a row, whole for the details.
import type { TaggedValue, Value } from '../api/types';
import { numberText } from './number';

/** Longer texts end in an ellipsis, so that one payload does not fill the page. */
const SHORT_CHARACTERS = 160;
/** Longer bytes show their beginning. */
const SHORT_BYTES = 12;

/** What kind of value it is; decides its look and the field to write it. */
export type Kind = 'null' | 'bool' | 'int' | 'float' | 'text' | 'bytes' | 'json';

export function isTagged(value: Value): value is TaggedValue {
  return typeof value === 'object' && value !== null;
}

export function kindOf(value: Value): Kind {
  if (value === null) return 'null';
  if (isTagged(value)) return ({ i64: 'int', u64: 'int', f64: 'float', bytes: 'bytes', json: 'json' } as const)[value.t];
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  return 'text';
}

/** The value for a row of a list. */
export function valueText(value: Value, locale: string): string {
  if (value === null) return '–';
  if (isTagged(value)) return taggedText(value, locale);
  if (typeof value === 'number') return numberText(value, locale);
  return short(String(value));
}

function taggedText({ t, v }: TaggedValue, locale: string): string {
  switch (t) {
    case 'i64':
    case 'u64':
      return new Intl.NumberFormat(locale).format(BigInt(v));
    case 'f64':
      return floatText(v, locale);
    case 'bytes':
      return hex(v, SHORT_BYTES);
    case 'json':
      return short(v.replace(/\s+/g, ' '));
  }
}

/** The daemon spells what JSON cannot: `NaN`, `inf`, `-inf`, and a NaN with its bits as `NaN:7ff8000000000001`. */
function floatText(v: string, locale: string): string {
  if (v.startsWith('NaN')) return 'NaN';
  return numberText(Number(v.replace('inf', 'Infinity')), locale);
}

function short(text: string): string {
  return text.length > SHORT_CHARACTERS ? `${text.slice(0, SHORT_CHARACTERS)}…` : text;
}

/** Base64 as pairs of hexadecimal digits, at most `most` bytes of them. */
export function hex(base64: string, most = Number.POSITIVE_INFINITY): string {
  const bytes = atob(base64);
  const pairs = [...bytes.slice(0, Math.min(most, bytes.length))].map((c) =>
    c.charCodeAt(0).toString(16).padStart(2, '0'),
  );
  return pairs.join(' ') + (bytes.length > most ? ' …' : '');
}

/** The value as the interface has it, indented; a JSON document as itself. */
export function rawText(value: Value): string {
  if (isTagged(value) && value.t === 'json') {
    try {
      return JSON.stringify(JSON.parse(value.v), null, 2);
    } catch {
      return value.v;
    }
  }
  return JSON.stringify(value, null, 2);
}
