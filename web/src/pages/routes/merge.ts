// What a route means for others, and two people who change one route at once. Pure.
import type { RouteSpec } from '../../api/types';
import { type Race, race as raceOf } from '../../ui/race';
import { withKey } from './spec';

/** Compares what I made of `base` with what somebody else made of it. */
export const race = (base: RouteSpec, mine: RouteSpec, theirs: RouteSpec): Race<RouteSpec> => raceOf(base, mine, theirs, withKey);

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
