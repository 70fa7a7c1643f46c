// All routes with their counters, asked for again and again while the page is open.
import { getRoutes } from '../../api/endpoints';
import { asProblem, type Problem } from '../../api/http';
import { addRoute, changeRoute, type FileFault, getFaults, removeRoute } from '../../api/routing';
import type { RouteItem, RouteStats } from '../../api/types';
import { rateOf, type Row, stateOf } from './list';
import { specOf, withKey } from './spec';

/** Between two looks; of many routes less often, since each look brings them all. */
const REFRESH_MS = 2_000;
const MS_PER_ROUTE = 2;

/** A route that was deleted here, and what it takes to have it again. */
export interface Removed {
  route: RouteItem;
  /** The route that stood behind it. */
  before: string | undefined;
}

export class Routes {
  /** Undefined until the first answer. */
  all = $state.raw<RouteItem[]>();
  problem = $state.raw<Problem>();
  /** What is wrong with the file on disk; while there is something it is not edited. */
  fault = $state.raw<FileFault>();
  rates = $state.raw<ReadonlyMap<string, number>>(new Map());
  rows: Row[] = $derived(
    (this.all ?? []).map((route, nth) => ({ route, nth, state: stateOf(route), rate: this.rates.get(route.id) })),
  );
  #before = new Map<string, RouteStats>();
  #at = 0;

  get refreshMs(): number {
    return Math.max(REFRESH_MS, (this.all?.length ?? 0) * MS_PER_ROUTE);
  }

  async load(): Promise<void> {
    try {
      const [routes, status] = await Promise.allSettled([getRoutes(), getFaults()]);
      if (status.status === 'fulfilled') {
        this.fault = status.value.faults.find(({ file, severity }) => file === 'routing.json' && severity === 'error');
      }
      if (routes.status === 'rejected') throw routes.reason;
      this.#measure(routes.value.items);
      this.all = routes.value.items;
      this.problem = undefined;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }

  #measure(items: RouteItem[]): void {
    const now = performance.now();
    const span = now - this.#at;
    // What somebody changes is read again at once; so short a time makes no rate.
    if (this.#at > 0 && span < REFRESH_MS / 2) return;
    const rates = new Map<string, number>();
    const stats = new Map<string, RouteStats>();
    for (const route of items) {
      const rate = this.#at > 0 ? rateOf(this.#before.get(route.id), route.stats, span) : undefined;
      if (rate !== undefined) rates.set(route.id, rate);
      if (route.stats) stats.set(route.id, route.stats);
    }
    [this.rates, this.#before, this.#at] = [rates, stats, now];
  }

  /** Changes one route if nobody else did; throws a `Problem` with status 412 if somebody did. Shows what is then true. */
  async setEnabled(route: RouteItem, enabled: boolean): Promise<void> {
    try {
      await changeRoute(withKey(specOf(route), 'enabled', enabled ? undefined : false), route.etag);
    } finally {
      await this.load();
    }
  }

  /** Deletes a route, and says what it takes to have it again. */
  async remove(route: RouteItem): Promise<Removed> {
    const at = (this.all ?? []).findIndex(({ id }) => id === route.id);
    const before = at < 0 ? undefined : this.all?.[at + 1]?.id;
    try {
      await removeRoute(route.id, route.etag);
    } finally {
      await this.load();
    }
    return { route, before };
  }

  /** Adds a deleted route again, at its old place. */
  async restore({ route, before }: Removed): Promise<void> {
    try {
      await addRoute(specOf(route), before);
    } finally {
      await this.load();
    }
  }
}
