// The datapoints of the list: found by the daemon, held live while they are shown.
import type { Narrow } from '../../api/data';
import { getPoints } from '../../api/endpoints';
import { asProblem, isAbort, type Problem } from '../../api/http';
import type { PointInfo, PointPage } from '../../api/types';
import type { Point } from '../../live/point.svelte';
import type { Points } from '../../live/points.svelte';

/** Rows of one page. */
export const PAGE = 100;
/** The daemon answers no more at once; a longer list is not asked for anew as a whole. */
const MOST_AT_ONCE = 500;

/** Which part of what was found is asked for. */
interface Window {
  limit: number;
  after?: string | number;
}

export class DatapointRows {
  /** Undefined until the first answer. */
  rows = $state.raw<Point[]>();
  total = $state.raw<number | undefined>(0);
  problem = $state.raw<Problem>();
  /** Whether an answer is awaited that a person has asked for. */
  loading = $state.raw(false);
  next = $state.raw<string | number>();
  #filter: Narrow & { instance: string } = { search: '', kind: '', quality: '', instance: '' };
  #abort: AbortController | undefined;

  constructor(readonly points: Points) {}

  /** Shows what is found; empty is everything. */
  find(wanted: Narrow & { instance: string }): Promise<void> {
    this.#filter = wanted;
    return this.#load({ limit: PAGE }, (page) => this.#show(page.items));
  }

  /** Asks again for what is shown: there may be new ones. Unseen, and given up for any question of a person. */
  async refresh(): Promise<void> {
    const shown = this.rows?.length ?? 0;
    if (this.loading || shown > MOST_AT_ONCE) return;
    // A failure is no news: what is shown is live, and the lamp tells of a lost connection.
    await this.#ask({ limit: Math.max(PAGE, shown) }, (page) => this.#show(page.items)).catch(() => {});
  }

  more(): Promise<void> {
    if (this.next === undefined || this.loading) return Promise.resolve();
    return this.#load({ limit: PAGE, after: this.next }, (page) => {
      this.rows = [...(this.rows ?? []), ...this.#hold(page.items)];
    });
  }

  /** Lets go of all of them. */
  close(): void {
    this.#abort?.abort();
    for (const { address } of this.rows ?? []) this.points.release(address);
  }

  async #load(window: Window, show: (page: PointPage) => void): Promise<void> {
    this.loading = true;
    const asked = this.#ask(window, show);
    const mine = this.#abort;
    try {
      await asked;
      if (mine === this.#abort) this.problem = undefined;
    } catch (cause) {
      if (!isAbort(cause)) this.problem = asProblem(cause);
    } finally {
      if (mine === this.#abort) this.loading = false;
    }
  }

  /** The newest question wins: an older answer that comes late is not shown. */
  async #ask(window: Window, show: (page: PointPage) => void): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const answer = await getPoints({ ...this.#filter, ...window }, abort.signal);
    if (abort.signal.aborted) return;
    show(answer);
    this.total = answer.total;
    this.next = answer.next;
  }

  /** Holds the new rows before it releases the old ones, so that those in both stay subscribed. */
  #show(items: PointInfo[]): void {
    const before = this.rows ?? [];
    this.rows = this.#hold(items);
    for (const { address } of before) this.points.release(address);
  }

  #hold(items: PointInfo[]): Point[] {
    return items.map((info) => this.points.hold(info.address, info));
  }
}
