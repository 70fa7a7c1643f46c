// What a person types, as a value. The device's own type decides in the end; this only keeps nonsense from leaving.
import type { Value } from '../api/types';
import { hex, isTagged, type Kind, kindOf } from './value';

/** What one can write something as. */
export const inputKinds = ['bool', 'int', 'float', 'text', 'json', 'bytes'] as const;
export type InputKind = (typeof inputKinds)[number];

/** Why a text is no value; a key of the texts. */
export type Misfit = 'empty' | 'int' | 'range' | 'float' | 'json' | 'bytes';

export type Input = { value: Value } | { misfit: Misfit };

const FLOATS = ['REAL', 'LREAL'];
const TEXTS = ['STRING', 'WSTRING'];
const LOWEST = -(2n ** 63n);
const HIGHEST = 2n ** 64n - 1n;

/** The kind that a declared type wants; without one, that of the present value. */
export function inputKind(type: string, value: Value): InputKind {
  if (type === 'BOOL') return 'bool';
  if (FLOATS.includes(type)) return 'float';
  if (TEXTS.includes(type)) return 'text';
  if (type === 'JSON') return 'json';
  if (type === 'BYTES') return 'bytes';
  if (type) return 'int';
  const kind: Kind = kindOf(value);
  if (kind === 'null') return 'text';
  // Without a declared type the next value of a whole number may well have a fraction.
  return kind === 'int' ? 'float' : kind;
}

/** The present value, to begin typing from. */
export function inputText(value: Value): string {
  if (value === null) return '';
  if (isTagged(value)) return value.t === 'bytes' ? hex(value.v) : value.v;
  return String(value);
}

/** Reads `text` as `kind`. A comma may stand for the decimal point. */
export function readInput(text: string, kind: InputKind): Input {
  if (kind === 'text') return { value: text };
  const trimmed = text.trim();
  if (trimmed === '') return { misfit: 'empty' };
  switch (kind) {
    case 'bool':
      return { value: trimmed === 'true' };
    case 'int':
      return readInteger(trimmed);
    case 'float':
      return readFloat(trimmed);
    case 'json':
      return readJson(trimmed);
    case 'bytes':
      return readBytes(trimmed);
  }
}

function readInteger(text: string): Input {
  if (!/^[+-]?\d+$/.test(text) && !/^0x[\da-f]+$/i.test(text)) return { misfit: 'int' };
  const n = BigInt(text.replace(/^\+/, ''));
  if (n < LOWEST || n > HIGHEST) return { misfit: 'range' };
  if (Number.isSafeInteger(Number(n))) return { value: Number(n) };
  return { value: { t: n > 2n ** 63n - 1n ? 'u64' : 'i64', v: n.toString() } };
}

function readFloat(text: string): Input {
  if (/^(nan|[+-]?inf)$/i.test(text)) {
    const lower = text.toLowerCase().replace('+', '');
    return { value: { t: 'f64', v: lower === 'nan' ? 'NaN' : lower } };
  }
  const point = /^[^.,]*,[^.,]*$/.test(text) ? text.replace(',', '.') : text;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(point)) return { misfit: 'float' };
  if (/^[+-]?\d+$/.test(point) && !Number.isSafeInteger(Number(point))) return readInteger(point);
  const n = Number(point);
  return Number.isFinite(n) ? { value: n } : { misfit: 'float' };
}

function readJson(text: string): Input {
  try {
    JSON.parse(text);
    return { value: { t: 'json', v: text } };
  } catch {
    return { misfit: 'json' };
  }
}

function readBytes(text: string): Input {
  const digits = text.replace(/[\s:]/g, '');
  if (!/^([\da-f]{2})+$/i.test(digits)) return { misfit: 'bytes' };
  const bytes = digits.replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  return { value: { t: 'bytes', v: btoa(bytes) } };
}
