// Two people changed the same thing: where they differ, and what comes of choosing. Pure.
import { same } from './draft';
import { isObject } from './schema';

export interface Difference {
  /** The keys down to it. */
  path: readonly string[];
  before: unknown;
  mine: unknown;
  theirs: unknown;
}

/** Where mine and theirs differ, down to the single key; lists are compared as a whole. */
export function differences(before: unknown, mine: unknown, theirs: unknown, path: readonly string[] = []): Difference[] {
  if (same(mine, theirs)) return [];
  if (!isObject(mine) || !isObject(theirs)) return [{ path, before, mine, theirs }];
  const keys = new Set([...Object.keys(theirs), ...Object.keys(mine)]);
  const base = isObject(before) ? before : {};
  return [...keys].flatMap((key) => differences(base[key], mine[key], theirs[key], [...path, key]));
}

/** Whether only they have changed it: then theirs is meant. */
export function onlyTheirs({ before, mine }: Difference): boolean {
  return same(before, mine);
}

/** Theirs with the chosen differences as mine has them. */
export function merged(theirs: unknown, chosen: readonly Difference[]): unknown {
  return chosen.reduce((value, { path, mine }) => put(value, path, mine), theirs);
}

function put(value: unknown, [key, ...rest]: readonly string[], leaf: unknown): unknown {
  if (key === undefined) return leaf;
  const object = isObject(value) ? value : {};
  const inner = put(object[key], rest, leaf);
  if (inner !== undefined) return { ...object, [key]: inner };
  return Object.fromEntries(Object.entries(object).filter(([known]) => known !== key));
}
