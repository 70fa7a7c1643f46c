// Two people change one thing at once: what each changed, and both together where that is possible. Pure.

export type Keyed = Readonly<Record<string, unknown>>;

export interface Race<T> {
  /** The keys in which the two differ. */
  differs: string[];
  /** Both changes together; missing where both changed the same key in different ways. */
  joined?: T;
}

/** Whether two say the same, in whatever order of keys; what is not given is not there. */
export const same = (a: unknown, b: unknown): boolean => inOrder(a) === inOrder(b);

function inOrder(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).filter(([, one]) => one !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
  }) ?? '';
}

/** The same with another value of a key; without the key if the value is undefined. */
function withKey<T extends Keyed>(all: T, key: string, value: unknown): T {
  const entries = key in all ? Object.entries(all).map(([k, v]) => [k, k === key ? value : v]) : [...Object.entries(all), [key, value]];
  return Object.fromEntries(entries.filter(([, v]) => v !== undefined)) as T;
}

/** Compares what I made of `base` with what somebody else made of it. `put` changes one key of theirs. */
export function race<T extends Keyed>(base: T, mine: T, theirs: T, put: (all: T, key: string, value: unknown) => T = withKey): Race<T> {
  const keys = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])];
  const differs = keys.filter((key) => !same(mine[key], theirs[key]));
  const both = differs.filter((key) => !same(mine[key], base[key]) && !same(theirs[key], base[key]));
  if (both.length > 0) return { differs };
  const changed = differs.filter((key) => !same(mine[key], base[key]));
  return { differs, joined: changed.reduce((all, key) => put(all, key, mine[key]), theirs) };
}
