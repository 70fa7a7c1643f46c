// A value as a widget shows it: with the digits, the unit and the words that somebody chose. Pure; nothing is made up.
import type { Value } from '../api/types';
import { numberText } from '../format/number';
import { isTagged, valueText } from '../format/value';

/** The value as a number; undefined where it is none. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (!isTagged(value) || value.t === 'bytes' || value.t === 'json') return undefined;
  if (value.v.startsWith('NaN')) return undefined;
  return Number(value.v.replace('inf', 'Infinity'));
}

const formats = new Map<string, Intl.NumberFormat>();

/** So many digits behind the point, also where they are zero: then a row of numbers does not jump. */
export function fixedText(n: number, decimals: number, locale: string): string {
  const key = `${locale} ${decimals}`;
  let found = formats.get(key);
  if (!found) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    formats.set(key, (found = new Intl.NumberFormat(locale, { useGrouping: 'min2', ...digits })));
  }
  // Zero has no sign.
  return found.format(Object.is(n, -0) || Math.abs(n) < 0.5 * 10 ** -decimals ? 0 : n);
}

/** The value as text, with as many digits as was chosen. */
export function readingText(value: Value, decimals: unknown, locale: string): string {
  const n = numberOf(value);
  if (n === undefined || typeof decimals !== 'number' || !Number.isFinite(n)) return valueText(value, locale);
  return fixedText(n, decimals, locale);
}

/** A number at an axis that spans so much: as many digits as tell its ends apart. */
export function axisText(n: number, span: number, locale: string): string {
  const digits = span > 0 ? Math.min(7, Math.max(0, 2 - Math.floor(Math.log10(span)))) : 3;
  return numberText(Number(n.toFixed(digits)), locale);
}

/** A number of a scale. */
export const scaleText = (n: number, locale: string) => numberText(Number(n.toPrecision(6)), locale);

/** How far `n` lies between `low` and `high`, from 0 to 1. */
export function share(n: number, low: number, high: number): number {
  return high === low ? 0 : Math.min(1, Math.max(0, (n - low) / (high - low)));
}

const ON = ['true', 'on', '1', 'yes', 'open'];

/** Whether a value means on; undefined where there is none. `on` is what somebody said that it is. */
export function isOn(value: Value, on: unknown = ''): boolean | undefined {
  if (value === null) return undefined;
  const plain = isTagged(value) ? value.v : String(value);
  if (typeof on === 'string' && on !== '') return plain.toLowerCase() === on.toLowerCase();
  const n = numberOf(value);
  return n === undefined ? ON.includes(plain.toLowerCase()) : n !== 0;
}

/** What is written for on or off: as somebody said, in the kind of the present value. */
export function switched(to: boolean, present: Value, said: unknown): Value {
  if (typeof said === 'string' && said !== '') return valueOf(said, present);
  return typeof numberOf(present) === 'number' ? (to ? 1 : 0) : to;
}

/** A written text as a value; where a text is there now, it stays one. */
export function valueOf(text: string, present: Value): Value {
  if (typeof present === 'string') return text;
  const lower = text.trim().toLowerCase();
  if (lower === 'true' || lower === 'false') return lower === 'true';
  const n = Number(lower.replace(',', '.'));
  return lower !== '' && Number.isFinite(n) ? n : text;
}

/** Options that are numbers, however they were written into a file. */
export const amount = (value: unknown, otherwise: number): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
/** Options that are texts. */
export const words = (value: unknown): string => (typeof value === 'string' ? value : '');
