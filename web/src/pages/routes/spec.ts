// A route as `routing.json` has it, and how a form reads and writes its keys. Pure; whatever a form does not touch stays as it is.
import type { RouteItem, RouteSpec } from '../../api/types';
import { jsonPlace } from './jsonPlace';

/** The keys of the format in the order of its manual; a key that is new goes to its place among them. */
export const KEYS = [
  'id', 'description', 'enabled', 'from', 'to', 'condition', 'transform', 'on_quality',
  'delivery', 'ttl_ms', 'bidirectional', 'priority', 'lease_ms', 'tests',
] as const;
export type Key = (typeof KEYS)[number];

export const CLASSES = ['good', 'uncertain', 'bad'] as const;

/** The route without what the daemon says beside it. */
export function specOf(item: RouteItem): RouteSpec {
  const { stats: _stats, etag: _etag, ...spec } = item;
  return spec as RouteSpec;
}

/** The addresses of an end, also of one that is written in some wrong way. */
export function listOf(end: unknown): string[] {
  if (end === undefined || end === null) return [];
  if (Array.isArray(end)) return end.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  return [typeof end === 'string' ? end : JSON.stringify(end)];
}

/** The end with these addresses: one of them alone as a text, unless it was a list before. */
export function endOf(list: string[], before: unknown): string | string[] {
  return list.length === 1 && !Array.isArray(before) ? list[0]! : list;
}

/** Whether two documents say the same, in whatever order of keys. */
export const same = (a: unknown, b: unknown) => JSON.stringify(a, inOrder) === JSON.stringify(b, inOrder);

function inOrder(_key: string, value: unknown): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
}

/** The route with another value of a key; without the key if the value is undefined. The order of the keys stays. */
export function withKey(spec: RouteSpec, key: string, value: unknown): RouteSpec {
  if (key in spec || value === undefined) {
    const entries = Object.entries(spec).map(([k, v]) => [k, k === key ? value : v]);
    return Object.fromEntries(entries.filter(([, v]) => v !== undefined)) as RouteSpec;
  }
  const behind = KEYS.slice(KEYS.indexOf(key as Key) + 1) as readonly string[];
  const entries = Object.entries(spec);
  const at = entries.findIndex(([k]) => behind.includes(k));
  entries.splice(at < 0 ? entries.length : at, 0, [key, value]);
  return Object.fromEntries(entries) as RouteSpec;
}

/** How a form has one key: what it shows, and the route with what it shows now. */
export interface FormField<T> {
  read: (spec: RouteSpec) => T;
  write: (spec: RouteSpec, value: T) => RouteSpec;
}

/** A field that leaves the route as it is while it shows what it read. */
function field<T>(key: Key, read: (value: unknown) => T, write: (value: T, before: unknown) => unknown): FormField<T> {
  return {
    read: (spec) => read(spec[key]),
    write: (spec, value) => (same(value, read(spec[key])) ? spec : withKey(spec, key, write(value, spec[key]))),
  };
}

const text = (key: Key) =>
  field(key, (value) => (typeof value === 'string' ? value : ''), (value) => (value === '' ? undefined : value));
const must = (key: Key) => field(key, (value) => (typeof value === 'string' ? value : ''), (value) => value);
const end = (key: Key) => field(key, listOf, endOf);
const flag = (key: Key, usual: boolean) =>
  field(key, (value) => (typeof value === 'boolean' ? value : usual), (value) => (value === usual ? undefined : value));
const whole = (key: Key) =>
  field<number | undefined>(key, (value) => (typeof value === 'number' ? value : undefined), (value) => value);

/** Every key of the format as the form has it. */
export const form = {
  id: must('id'),
  description: text('description'),
  enabled: flag('enabled', true),
  from: end('from'),
  to: end('to'),
  condition: text('condition'),
  transform: text('transform'),
  on_quality: field<string[]>(
    'on_quality',
    (value) => (Array.isArray(value) ? value.map(String) : []),
    (value) => (value.length ? value : undefined),
  ),
  delivery: text('delivery'),
  ttl_ms: whole('ttl_ms'),
  bidirectional: flag('bidirectional', false),
  priority: whole('priority'),
  lease_ms: whole('lease_ms'),
  tests: field<unknown[]>(
    'tests',
    (value) => (Array.isArray(value) ? value : []),
    (value) => (value.length ? value : undefined),
  ),
} satisfies { [K in Key]: unknown };

const FITS: Partial<Record<Key, (value: unknown) => boolean>> = {
  enabled: (value) => typeof value === 'boolean',
  bidirectional: (value) => typeof value === 'boolean',
  ttl_ms: (value) => typeof value === 'number',
  priority: (value) => typeof value === 'number',
  lease_ms: (value) => typeof value === 'number',
  on_quality: Array.isArray,
  tests: Array.isArray,
  from: (value) => typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string')),
  to: (value) => typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string')),
};

/** The keys that are written so that a form cannot show them; they stay as they are until somebody corrects the JSON. */
export function oddKeys(spec: RouteSpec): string[] {
  const odd = (key: Key) => spec[key] !== undefined && !(FITS[key] ?? ((value) => typeof value === 'string'))(spec[key]);
  return KEYS.filter(odd);
}

/** Keys that the form knows nothing of. */
export const unknownKeys = (spec: RouteSpec) => Object.keys(spec).filter((key) => !(KEYS as readonly string[]).includes(key));

export const specText = (spec: RouteSpec) => JSON.stringify(spec, null, 2);

export type Parsed = { spec: RouteSpec } | { wrong: 'json'; line: number; column: number } | { wrong: 'object' };

/** Reads what somebody wrote as JSON. */
export function parseSpec(text: string): Parsed {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { wrong: 'json', ...jsonPlace(text) };
  }
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  return isObject ? { spec: json as RouteSpec } : { wrong: 'object' };
}

/** A name that no other route has. */
export function freeId(wanted: string, taken: Iterable<string>): string {
  const known = new Set(taken);
  const base = wanted.replace(/[^A-Za-z0-9_.-]+/g, '_').replace(/^_+|_+$/g, '').slice(0, 56) || 'route';
  if (!known.has(base)) return base;
  for (let n = 2; ; n += 1) if (!known.has(`${base}_${n}`)) return `${base}_${n}`;
}

/** A name from the last part of an address. */
export const idFor = (address: string, taken: Iterable<string>) =>
  freeId(address.split(/[./]/).filter((part) => part && !part.includes('*')).slice(-2).join('_'), taken);
