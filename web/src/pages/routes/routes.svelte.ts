// All routes with their counters, asked for again and again while the page is open.
import { getRoutes, putRoute } from '../../api/endpoints';
import { asProblem, type Problem } from '../../api/http';
import type { RouteItem } from '../../api/types';

export const REFRESH_MS = 2_000;

export class Routes {
  /** Undefined until the first answer. */
  all = $state.raw<RouteItem[]>();
  problem = $state.raw<Problem>();

  async load(): Promise<void> {
    try {
      this.all = (await getRoutes()).items;
      this.problem = undefined;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }

  /** Changes one route if nobody else did; throws a `Problem` with status 412 if somebody did. Shows what is then true. */
  async setEnabled(route: RouteItem, enabled: boolean): Promise<void> {
    const { stats: _stats, etag, ...spec } = route;
    try {
      await putRoute({ ...spec, enabled }, etag);
    } finally {
      await this.load();
    }
  }
}
