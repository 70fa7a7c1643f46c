// Two people change one widget at once: what each changed, and both together where that is possible. Pure.

type Keyed = Readonly<Record<string, unknown>>;

export interface Race {
  /** The keys in which the two differ. */
  differs: string[];
  /** Both changes together; undefined where both changed the same key in different ways. */
  joined?: Keyed;
}

export const same = (a: unknown, b: unknown): boolean => stable(a) === stable(b);

/** JSON whose keys are in order; what is not given is not there. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).filter(([, one]) => one !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
  }) ?? '';
}

/** Compares what I made of `base` with what somebody else made of it. */
export function race(base: Keyed, mine: Keyed, theirs: Keyed): Race {
  const keys = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])];
  const differs = keys.filter((key) => !same(mine[key], theirs[key]));
  const both = differs.filter((key) => !same(mine[key], base[key]) && !same(theirs[key], base[key]));
  if (both.length > 0) return { differs };
  const changed = differs.filter((key) => !same(mine[key], base[key]));
  const joined: Record<string, unknown> = { ...theirs };
  for (const key of changed) {
    if (mine[key] === undefined) delete joined[key];
    else joined[key] = mine[key];
  }
  return { differs, joined };
}
