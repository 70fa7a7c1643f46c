// The alarms that want somebody. Asked for again and again: the bell is on every page.
import { getAlarms } from '../api/endpoints';
import type { AlarmPage } from '../api/types';

const LOOK_MS = 3_000;

class AlarmWatch {
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The last that was heard; none before the first answer. */
  now = $state.raw<AlarmPage>();

  /** Alarms that are active or that nobody has acknowledged. */
  waiting = $derived(this.now?.unacknowledged_count ?? 0);
  active = $derived(this.now?.active_count ?? 0);

  /** Looks until the returned function is called. */
  start(): () => void {
    this.#timer ??= setInterval(() => !document.hidden && void this.look(), LOOK_MS);
    void this.look();
    return () => {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.now = undefined;
    };
  }

  /** What the daemon says now; a daemon that does not answer changes nothing on the screen. */
  async look(): Promise<void> {
    try {
      const heard = await getAlarms();
      if (this.#timer !== undefined) this.now = heard;
    } catch {
      // The lamp of the link tells.
    }
  }
}

export const alarms = new AlarmWatch();
