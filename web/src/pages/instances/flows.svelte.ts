// What each instance reads, writes and sends per second, from the sums that the daemon tells.
import { SvelteMap } from 'svelte/reactivity';
import type { Instance } from '../../api/types';

/** Bytes per second; undefined where they are not measured. */
export interface Flow {
  disk: number | undefined;
  network: number | undefined;
}

interface Sums extends Flow {
  atMs: number;
  pid: number | undefined;
}

/** A rate is taken over so many seconds, so that one late message makes no jump. */
const KEPT = 4;
const MB = 1_048_576;
const both = (a: number | undefined, b: number | undefined) => (a === undefined || b === undefined ? undefined : a + b);

function sumsOf(instance: Instance, atMs: number): Sums {
  const disk = both(instance.disk_io_read_mb, instance.disk_io_write_mb);
  return {
    atMs,
    pid: instance.pid,
    disk: disk === undefined ? undefined : disk * MB,
    network: both(instance.network_bytes_sent, instance.network_bytes_recv),
  };
}

export class Flows {
  #sums = new Map<string, Sums[]>();
  #flows = new SvelteMap<string, Flow>();
  #lastMs = 0;
  /** Of the busiest instance; never so little that idle ones look busy. */
  most = $state.raw({ disk: MB, network: MB / 10 });

  /** Takes the present sums, once for each `now`. */
  tick(now: number, instances: Instance[]): void {
    if (now === this.#lastMs) return;
    this.#lastMs = now;
    const most = { disk: MB, network: MB / 10 };
    for (const instance of instances) {
      const flow = this.#take(instance, now);
      most.disk = Math.max(most.disk, flow.disk ?? 0);
      most.network = Math.max(most.network, flow.network ?? 0);
      const before = this.#flows.get(instance.id);
      if (before?.disk !== flow.disk || before?.network !== flow.network) this.#flows.set(instance.id, flow);
    }
    this.most = most;
  }

  of(id: string): Flow {
    return this.#flows.get(id) ?? { disk: undefined, network: undefined };
  }

  #take(instance: Instance, now: number): Flow {
    const sums = sumsOf(instance, now);
    // The sums of another process begin anew.
    const before = (this.#sums.get(instance.id) ?? []).filter(({ pid }) => pid === sums.pid);
    const kept = [...before, sums].slice(-KEPT);
    this.#sums.set(instance.id, kept);
    const first = kept[0] ?? sums;
    const seconds = (sums.atMs - first.atMs) / 1_000;
    const rate = (from: number | undefined, to: number | undefined) =>
      from === undefined || to === undefined ? undefined : seconds > 0 ? Math.max(0, to - from) / seconds : 0;
    return { disk: rate(first.disk, sums.disk), network: rate(first.network, sums.network) };
  }
}
