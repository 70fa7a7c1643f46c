// The alarms that want somebody: the bell is on every page.
import { getAlarms } from '../api/endpoints';
import type { AlarmPage } from '../api/types';
import { Looking } from './looking.svelte';

const LOOK_MS = 3_000;

class AlarmWatch extends Looking<AlarmPage> {
  /** Alarms that are active or that nobody has acknowledged. */
  waiting = $derived(this.now?.unacknowledged_count ?? 0);
  active = $derived(this.now?.active_count ?? 0);
}

export const alarms = new AlarmWatch(() => getAlarms(), LOOK_MS);
