// Which instances are shown, and in which order. Pure.
import type { Instance } from '../../api/types';
import { hay, searching } from '../../format/fold';
import { toneOf } from './state';

export const sorts = ['name', 'state', 'cpu', 'memory', 'traffic'] as const;
export type Sort = (typeof sorts)[number];

export interface Wish {
  search: string;
  state: string;
  driver: string;
}

/** The worst first. */
const TONES = ['bad', 'warn', 'busy', 'good', 'off'];

const label = ({ name, id }: Instance) => (name || id).toLocaleLowerCase();

/** The larger comes first; what is not measured comes last. */
const KEYS: Record<Exclude<Sort, 'name'>, (instance: Instance) => number> = {
  state: ({ state }) => -TONES.indexOf(toneOf(state)),
  cpu: ({ cpu_percent }) => cpu_percent ?? -1,
  memory: ({ memory_mb }) => memory_mb ?? -1,
  traffic: ({ rate_in, rate_out }) => rate_in + rate_out,
};

/** Ids in the order that is wanted; equals stand by name. */
export function ordered(instances: Instance[], sort: Sort): string[] {
  const byName = (a: Instance, b: Instance) => label(a).localeCompare(label(b)) || (a.id < b.id ? -1 : 1);
  const compare = sort === 'name' ? byName : (a: Instance, b: Instance) => KEYS[sort](b) - KEYS[sort](a) || byName(a, b);
  return [...instances].sort(compare).map(({ id }) => id);
}

/** Those that fit; `words` is what is searched of one beyond its own names. */
export function matching<T extends Instance>(instances: T[], wish: Wish, words: (instance: T) => string): T[] {
  const found = wish.search.trim() ? searching(wish.search) : undefined;
  const fits = (instance: T) => {
    if (wish.state && instance.state !== wish.state) return false;
    if (wish.driver && instance.driver !== wish.driver) return false;
    return !found || found([hay(`${instance.id} ${instance.name} ${instance.driver} ${words(instance)}`)]);
  };
  return instances.filter(fits);
}
