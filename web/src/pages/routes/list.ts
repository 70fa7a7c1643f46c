// Which routes a table shows, in which order, and how each of them does. Pure.
import { type Hay, hay, searching } from '../../format/fold';
import type { RouteItem, RouteStats } from '../../api/types';
import { listOf } from './spec';

export type RouteState = 'working' | 'waiting' | 'fault' | 'stopped' | 'off';
export const STATES: readonly RouteState[] = ['fault', 'stopped', 'waiting', 'working', 'off'];

export const SORTS = ['file', 'id', 'state', 'rate', 'errors', 'last'] as const;
export type Sort = (typeof SORTS)[number];

/** How a route does: what is off is off, and what failed last is a fault until it runs again. */
export function stateOf(route: RouteItem): RouteState {
  if (route.enabled === false) return 'off';
  if (!route.stats) return 'stopped';
  if (route.stats.last_outcome === 'failed' || route.stats.last_outcome === 'nowhere') return 'fault';
  return route.stats.matched === 0 ? 'waiting' : 'working';
}

export interface Row {
  route: RouteItem;
  state: RouteState;
  /** Samples taken per second; undefined until it was looked at twice. */
  rate: number | undefined;
  /** Its place in the file. */
  nth: number;
}

export interface Wish {
  search: string;
  state: RouteState | '';
  sort: Sort;
}

const texts = new WeakMap<RouteItem, Hay>();

/** What a search looks at; made once for each route as it is told. */
function textOf(route: RouteItem): Hay {
  const known = texts.get(route);
  if (known) return known;
  const { id, description, condition, transform } = route;
  const text = hay([id, description, ...listOf(route.from), ...listOf(route.to), condition, transform].join('\n'));
  texts.set(route, text);
  return text;
}

const ORDERS: Record<Sort, (a: Row, b: Row) => number> = {
  file: () => 0,
  id: (a, b) => a.route.id.localeCompare(b.route.id, undefined, { numeric: true }),
  state: (a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state),
  rate: (a, b) => (b.rate ?? -1) - (a.rate ?? -1),
  errors: (a, b) => (b.route.stats?.errors ?? 0) - (a.route.stats?.errors ?? 0),
  last: (a, b) => (b.route.stats?.last_run_ms ?? 0) - (a.route.stats?.last_run_ms ?? 0),
};

/** The rows that fit the wish; all words of the search have to be there. Equal ones keep the order of the file. */
export function shown(rows: readonly Row[], { search, state, sort }: Wish): Row[] {
  const found = search.trim() ? searching(search) : undefined;
  const fits = ({ route, state: is }: Row) => (!state || is === state) && (!found || found([textOf(route)]));
  return rows.filter(fits).sort((a, b) => ORDERS[sort](a, b) || a.nth - b.nth);
}

/** Samples per second between two looks; a counter that began anew says nothing yet. */
export function rateOf(before: RouteStats | undefined, after: RouteStats | undefined, spanMs: number): number | undefined {
  if (!before || !after || spanMs <= 0 || after.matched < before.matched) return undefined;
  return ((after.matched - before.matched) * 1_000) / spanMs;
}
