// Two people change one route at once: what each changed, and both together where that is possible. Pure.
import type { RouteSpec } from '../../api/types';
import { same, withKey } from './spec';

export interface Race {
  /** The keys in which the two versions differ. */
  differs: string[];
  /** Both changes together; undefined where both changed the same key in different ways. */
  joined?: RouteSpec;
}

/** Compares what I made of `base` with what somebody else made of it. */
export function race(base: RouteSpec, mine: RouteSpec, theirs: RouteSpec): Race {
  const keys = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])];
  const differs = keys.filter((key) => !same(mine[key], theirs[key]));
  const both = differs.filter((key) => !same(mine[key], base[key]) && !same(theirs[key], base[key]));
  if (both.length > 0) return { differs };
  const changed = differs.filter((key) => !same(mine[key], base[key]));
  return { differs, joined: changed.reduce((spec, key) => withKey(spec, key, mine[key]), theirs) };
}

export interface Effects {
  /** Other routes that write the same target. */
  writers: { target: string; routes: string[] }[];
  /** Other routes whose source is one of the targets. */
  readers: { target: string; routes: string[] }[];
}

const ends = (end: unknown): string[] =>
  (Array.isArray(end) ? end : [end]).filter((one): one is string => typeof one === 'string');

/** What a save of this route does to other routes. Case does not matter, as it does not for a PLC. */
export function effects(spec: RouteSpec, others: readonly RouteSpec[], insteadOf?: string): Effects {
  const working = others.filter((other) => other.id !== insteadOf && other.enabled !== false);
  const users = (key: 'from' | 'to', target: string) =>
    working.filter((other) => ends(other[key]).some((one) => one.toLowerCase() === target.toLowerCase())).map(({ id }) => id);
  const targets = ends(spec.to).filter((target) => target && !target.includes('{') && target !== 'log.system');
  const of = (key: 'from' | 'to') =>
    targets.map((target) => ({ target, routes: users(key, target) })).filter(({ routes }) => routes.length > 0);
  return { writers: of('to'), readers: of('from') };
}
