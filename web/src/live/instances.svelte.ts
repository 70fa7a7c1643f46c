// All instances, as the daemon tells them over the live connection.
import { getInstances } from '../api/endpoints';
import { asProblem, type Problem } from '../api/http';
import type { Instance } from '../api/types';
import { clock } from './clock.svelte';
import { merged } from './merge';

/** An instance, with the moment its process began: the daemon only tells how long ago that was when it spoke. */
export interface LiveInstance extends Instance {
  started_ms?: number;
}

function dated(instance: Instance): LiveInstance {
  if (instance.uptime_s === undefined) return instance;
  return { ...instance, started_ms: clock.exact() - instance.uptime_s * 1_000 };
}

/** Two hundred instances that count each second say so twenty times a second; the page is drawn for that this often. */
const DRAW_MS = 500;

/** What a person waits for, and what therefore does not wait. */
function isNews(before: Instance | undefined, now: Instance): boolean {
  const same = before?.state === now.state && before.pid === now.pid && before.ill === now.ill && before.name === now.name;
  return !same || before.detached !== now.detached;
}

export class Instances {
  /** In the order of their ids; undefined until the first answer. */
  all = $state.raw<LiveInstance[]>();
  problem = $state.raw<Problem>();
  #whole = true;
  /** What came since it was last drawn. */
  #pending = new Map<string, LiveInstance>();
  #drawing: ReturnType<typeof setTimeout> | undefined;

  /** How many datapoints all instances have together: changes when a list of datapoints is out of date. */
  datapoints = $derived((this.all ?? []).reduce((sum, instance) => sum + instance.datapoints, 0));

  byId(id: string): LiveInstance | undefined {
    return this.all?.find((instance) => instance.id === id);
  }

  /** Asks once. The live connection only tells what changed, so this also finds what was removed. */
  async load(): Promise<void> {
    try {
      const { items } = await getInstances();
      this.#pending.clear();
      this.all = merged([], items.map(dated));
      this.problem = undefined;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }

  /** The next message of a new connection is the whole list. */
  connected(): void {
    this.#whole = true;
  }

  receive(changed: Instance[]): void {
    for (const instance of changed) this.#pending.set(instance.id, dated(instance));
    if (this.#whole || changed.some((instance) => isNews(this.byId(instance.id), instance))) this.#draw();
    else this.#drawing ??= setTimeout(() => this.#draw(), DRAW_MS);
  }

  #draw(): void {
    clearTimeout(this.#drawing);
    this.#drawing = undefined;
    this.all = merged(this.#whole ? [] : (this.all ?? []), [...this.#pending.values()]);
    this.#pending.clear();
    this.#whole = false;
    this.problem = undefined;
  }

  /** Takes the answer of an action. */
  replace(instance: Instance): void {
    this.#pending.delete(instance.id);
    this.all = merged(this.all ?? [], [dated(instance)]);
  }

  clear(): void {
    clearTimeout(this.#drawing);
    this.#drawing = undefined;
    this.#pending.clear();
    this.all = undefined;
    this.problem = undefined;
  }
}
