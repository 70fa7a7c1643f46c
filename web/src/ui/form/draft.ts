// The value of a form while somebody types: JSON, and in it what is none yet. So nothing that was typed is lost. Pure.
import { type Field, isObject, isReference } from './schema';

/** What was typed and is no value yet. */
export class Unfit {
  constructor(
    readonly text: string,
    readonly want: 'number' | 'json' | 'text',
  ) {}
}

/** A map while its keys are typed: two may be the same, one may be empty. */
export class Rows {
  constructor(readonly entries: readonly (readonly [string, unknown])[]) {}
}

/** What is stored stands behind this; the daemon never shows a secret. */
export const MASK = '********';

/** Whether the field can show this value; if not, it is shown as JSON. */
export function fits(field: Field, value: unknown): boolean {
  if (value === undefined || (value === null && !field.required)) return true;
  switch (field.kind) {
    case 'text':
      return typeof value === 'string' || isReference(value) || isUnfit(value, 'text');
    case 'secret':
      return typeof value === 'string' || isReference(value);
    case 'number':
      return typeof value === 'number' || isUnfit(value, 'number');
    case 'switch':
      return typeof value === 'boolean';
    case 'choice':
      return field.choices.some((choice) => same(choice.value, value)) || isUnfit(value, 'text');
    case 'list':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'map':
      return isObject(value) || value instanceof Rows;
    case 'either':
      return field.ways.some((way) => fits(way, value));
    case 'json':
      return true;
  }
}

function isUnfit(value: unknown, want: Unfit['want']): boolean {
  return value instanceof Unfit && value.want === want;
}

/** The value without what is not given, as it is sent. Call it only without faults. */
export function tidy(value: unknown): unknown {
  if (value instanceof Unfit) return value.text;
  if (value instanceof Rows) return Object.fromEntries(value.entries.map(([key, one]) => [key, tidy(one)]));
  if (Array.isArray(value)) return value.map(tidy);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined).map(([key, one]) => [key, tidy(one)]));
}

/** The object with another value at the key; `undefined` takes the key away. */
export function withKey(object: Record<string, unknown>, key: string, value: unknown): Record<string, unknown> {
  if (value !== undefined) return { ...object, [key]: value };
  return Object.fromEntries(Object.entries(object).filter(([known]) => known !== key));
}

/** With what a new entry of a list begins. */
export function blank(field: Field): unknown {
  switch (field.kind) {
    case 'object':
    case 'map':
      return {};
    case 'list':
      return [];
    case 'switch':
      return field.initial ?? false;
    case 'number':
      return new Unfit('', 'number');
    case 'json':
      return new Unfit('', 'json');
    case 'either':
      return field.ways[0] ? blank(field.ways[0]) : null;
    default:
      return field.initial ?? new Unfit('', 'text');
  }
}

/** A number as people of both languages write it; what is none stays as typed. */
export function readNumber(text: string): number | Unfit | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const plain = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i.test(trimmed);
  const number = plain ? Number(trimmed.replace(',', '.')) : NaN;
  return Number.isFinite(number) ? number : new Unfit(text, 'number');
}

export function readJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return new Unfit(text, 'json');
  }
}

/** Whether two values are the same, whatever the order of their keys. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof Unfit && b instanceof Unfit) return a.text === b.text && a.want === b.want;
  if (a instanceof Rows && b instanceof Rows) return same(a.entries, b.entries);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => same(one, b[at]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = (of: Record<string, unknown>) => Object.keys(of).filter((key) => of[key] !== undefined);
  return keys(a).length === keys(b).length && keys(a).every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}
