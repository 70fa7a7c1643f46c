// The values of the rows that are on the screen. Rows come and go with each turn of the wheel; the daemon is told in bunches,
// since it takes only so many messages a second.
import type { PointInfo } from '../../api/types';
import type { Point } from '../../live/point.svelte';
import type { Points } from '../../live/points.svelte';

/** The least time between two bunches. */
export const BUNCH_MS = 120;

export class Watch {
  /** By address; a row whose address is not in it waits for its bunch. */
  points = $state.raw<ReadonlyMap<string, Point>>(new Map());
  #wanted: ReadonlyMap<string, PointInfo | undefined> = new Map();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = 0;

  constructor(
    readonly store: Points,
    readonly now: () => number = () => performance.now(),
  ) {}

  /** These are on the screen now, each with what a tree has said about it. */
  show(wanted: ReadonlyMap<string, PointInfo | undefined>): void {
    this.#wanted = wanted;
    const wait = this.#last + BUNCH_MS - this.now();
    if (wait <= 0) this.#take();
    else this.#timer ??= setTimeout(() => this.#take(), wait);
  }

  /** Lets go of all of them. */
  end(): void {
    clearTimeout(this.#timer);
    for (const address of this.points.keys()) this.store.release(address);
    this.points = new Map();
    this.#wanted = new Map();
  }

  #take(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const before = this.points;
    const gone = [...before.keys()].filter((address) => !this.#wanted.has(address));
    const come = [...this.#wanted].filter(([address]) => !before.has(address));
    if (gone.length === 0 && come.length === 0) return;
    this.#last = this.now();
    const after = new Map(before);
    for (const [address, info] of come) after.set(address, this.store.hold(address, info, { fresh: false }));
    for (const address of gone) {
      after.delete(address);
      this.store.release(address);
    }
    this.points = after;
  }
}
