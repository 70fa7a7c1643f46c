// The widgets of the page that is open. It follows what others save, without a widget beginning anew that did not change.
import { SvelteMap } from 'svelte/reactivity';
import { getWidgets, type WidgetEntry } from '../../api/dashboards';
import { asProblem, isAbort, type Problem } from '../../api/http';
import { type Ask, LiveWidget } from './live.svelte';

export class Board {
  /** In the order of the daemon; undefined until they are there. */
  widgets = $state.raw<WidgetEntry[]>();
  problem = $state.raw<Problem>();
  readonly live = new SvelteMap<string, LiveWidget>();
  #abort = new AbortController();
  #turn = 0;

  constructor(
    readonly page: string,
    readonly ask: Ask,
    readonly say: (near: readonly string[]) => string,
  ) {}

  /** Reads what is saved now. */
  async load(): Promise<void> {
    const turn = ++this.#turn;
    try {
      const { items } = await getWidgets(this.page, this.#abort.signal);
      // An answer that was overtaken says what was.
      if (turn === this.#turn) this.take(items);
    } catch (cause) {
      if (!isAbort(cause) && !this.#abort.signal.aborted) this.problem = asProblem(cause);
    }
  }

  take(items: WidgetEntry[]): void {
    const before = new Map((this.widgets ?? []).map((one) => [one.id, one]));
    // What did not change stays the very same, so that nothing of it is drawn anew.
    const next = items.map((item) => {
      const old = before.get(item.id);
      return old && old.etag === item.etag && old.may_operate === item.may_operate ? old : item;
    });
    const ids = new Set(next.map(({ id }) => id));
    for (const [id, one] of this.live) {
      if (ids.has(id)) continue;
      one.end();
      this.live.delete(id);
    }
    for (const entry of next) {
      const known = this.live.get(entry.id);
      if (!known) this.live.set(entry.id, new LiveWidget(entry, this.ask, this.say));
      else if (known.entry !== entry) known.take(entry);
    }
    [this.widgets, this.problem] = [next, undefined];
  }

  /** Entries that the daemon has just told, among the others. */
  put(items: readonly WidgetEntry[], removed: readonly string[] = []): void {
    this.#turn += 1;
    const told = new Map(items.map((one) => [one.id, one]));
    const kept = (this.widgets ?? []).filter(({ id }) => !removed.includes(id)).map((one) => told.get(one.id) ?? one);
    const ids = new Set(kept.map(({ id }) => id));
    this.take([...kept, ...items.filter(({ id, dashboard }) => !ids.has(id) && dashboard === this.page)].filter(({ dashboard }) => dashboard === this.page));
  }

  end(): void {
    this.#abort.abort();
    for (const one of this.live.values()) one.end();
    this.live.clear();
  }
}
