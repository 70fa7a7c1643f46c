// The last minute of each instance's rate, for the little curve on its tile.
import { SvelteMap } from 'svelte/reactivity';
import type { Instance } from '../../api/types';

/** One sample a second, so one minute. */
const KEPT = 60;

export class RateHistory {
  #rates = new SvelteMap<string, readonly number[]>();
  #lastMs = 0;

  /** Takes the present rates, once for each `now`. */
  tick(now: number, instances: Instance[]): void {
    if (now === this.#lastMs) return;
    this.#lastMs = now;
    for (const { id, rate_in } of instances) {
      this.#rates.set(id, [...(this.#rates.get(id) ?? []), rate_in].slice(-KEPT));
    }
  }

  of(id: string): readonly number[] {
    return this.#rates.get(id) ?? [];
  }
}
