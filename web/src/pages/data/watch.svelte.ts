// The values of the rows that are on the screen. Rows come and go with each turn of the wheel.
import { SvelteMap } from 'svelte/reactivity';
import type { PointInfo } from '../../api/types';
import type { Point } from '../../live/point.svelte';
import type { Points } from '../../live/points.svelte';

export class Watch {
  /** By address. */
  readonly points = new SvelteMap<string, Point>();

  constructor(readonly store: Points) {}

  /** These are on the screen now, each with what a tree has said about it. */
  show(wanted: ReadonlyMap<string, PointInfo | undefined>): void {
    for (const [address, info] of wanted) {
      if (!this.points.has(address)) this.points.set(address, this.store.hold(address, info, { fresh: false }));
    }
    for (const address of this.points.keys()) if (!wanted.has(address)) this.#release(address);
  }

  /** Lets go of all of them. */
  end(): void {
    for (const address of this.points.keys()) this.#release(address);
  }

  #release(address: string): void {
    this.points.delete(address);
    this.store.release(address);
  }
}
