// The last hour of each instance that is looked at, as the daemon has kept it: asked for once a minute, a few at a time.
import { SvelteMap } from 'svelte/reactivity';
import { getMetrics } from '../../api/endpoints';
import type { Metrics } from '../../api/types';

/** A curve has a point for each minute. */
export const HOUR_POINTS = 60;
const LOOK_MS = 60_000;
/** So many questions are on their way at once; two hundred tiles would hold up everything else. */
const MOST_AT_ONCE = 3;

export type Curve = 'cpu' | 'memory' | 'disk' | 'network' | 'samplesIn' | 'samplesOut';

const FIGURES: Record<Curve, string[]> = {
  cpu: ['cpu_percent'],
  memory: ['memory_mb'],
  disk: ['disk_read_bytes_per_s', 'disk_written_bytes_per_s'],
  network: ['network_sent_bytes_per_s', 'network_received_bytes_per_s'],
  samplesIn: ['samples_in_per_s'],
  samplesOut: ['samples_out_per_s'],
};

/** The points of each curve; what could not be measured is left out. */
export function curvesOf({ figures }: Metrics): Record<Curve, number[]> {
  const curve = (names: string[]) => {
    const columns = names.map((name) => figures[name]?.avg ?? []);
    const length = Math.max(...columns.map(({ length }) => length));
    const sums = Array.from({ length }, (_, i) => columns.map((column) => column[i] ?? null));
    return sums.filter((parts) => parts.some((part) => part !== null)).map((parts) => parts.reduce<number>((a, b) => a + (b ?? 0), 0));
  };
  return Object.fromEntries(Object.entries(FIGURES).map(([key, names]) => [key, curve(names)])) as Record<Curve, number[]>;
}

export class Hours {
  #curves = new SvelteMap<string, Record<Curve, number[]>>();
  #askedMs = new Map<string, number>();
  #waiting: string[] = [];
  #asking = 0;

  of(id: string): Record<Curve, number[]> | undefined {
    return this.#curves.get(id);
  }

  /** Asks if it is a minute ago; called again and again for whoever is on the screen. */
  want(id: string, nowMs: number): void {
    if (nowMs - (this.#askedMs.get(id) ?? -LOOK_MS) < LOOK_MS) return;
    this.#askedMs.set(id, nowMs);
    this.#waiting.push(id);
    this.#next();
  }

  #next(): void {
    while (this.#asking < MOST_AT_ONCE) {
      const id = this.#waiting.shift();
      if (id === undefined) return;
      this.#asking += 1;
      void this.#ask(id);
    }
  }

  async #ask(id: string): Promise<void> {
    try {
      this.#curves.set(id, curvesOf(await getMetrics(id, HOUR_POINTS)));
    } catch {
      // It is drawn when the daemon answers again.
    } finally {
      this.#asking -= 1;
      this.#next();
    }
  }
}
