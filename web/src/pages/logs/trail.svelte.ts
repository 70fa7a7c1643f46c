// Who did what, page by page.
import { getAudit } from '../../api/endpoints';
import { asProblem, type Problem } from '../../api/http';
import type { AuditRow } from '../../api/types';

export type TrailName = 'all' | 'house' | 'values';

export class Trail {
  /** Newest first; undefined until the first answer. */
  rows = $state.raw<AuditRow[]>();
  next = $state.raw<string>();
  problem = $state.raw<Problem>();

  constructor(
    readonly trail: TrailName,
    readonly search: string,
  ) {}

  async load(before?: string): Promise<void> {
    try {
      const trail = this.trail === 'all' ? undefined : this.trail;
      const { items, next } = await getAudit({ trail, search: this.search, before });
      this.rows = before === undefined ? items : [...(this.rows ?? []), ...items];
      this.next = next === undefined ? undefined : String(next);
      this.problem = undefined;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }
}
