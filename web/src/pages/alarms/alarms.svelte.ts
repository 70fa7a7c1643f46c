// What the page of the alarms shows beside those that want somebody: what has happened.
import { getAlarmEvents } from '../../api/endpoints';
import { asProblem, type Problem } from '../../api/http';
import type { AlarmEvent } from '../../api/types';

/** Events of one page. */
const PAGE = 50;

export class AlarmEvents {
  /** Newest first; undefined until the first answer. */
  all = $state.raw<AlarmEvent[]>();
  next = $state.raw<string | number>();
  problem = $state.raw<Problem>();

  async load(): Promise<void> {
    try {
      const page = await getAlarmEvents({ limit: PAGE });
      // What was unfolded stays.
      const older = (this.all ?? []).filter(({ id }) => id < (page.items.at(-1)?.id ?? 0));
      this.all = [...page.items, ...older];
      if (older.length === 0) this.next = page.next;
      this.problem = undefined;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }

  async more(): Promise<void> {
    try {
      const page = await getAlarmEvents({ limit: PAGE, before: this.next });
      this.all = [...(this.all ?? []), ...page.items];
      this.next = page.next;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }
}
