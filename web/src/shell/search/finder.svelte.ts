// What is found while somebody types. Nothing is shown that does not fit the text that stands there now.
import { asProblem, isAbort, type Problem } from '../../api/http';
import type { DeviceFinds, Found } from '../../api/search';
import { fits } from '../../format/fold';

/** Who types is not interrupted by every letter. */
export const PAUSE_MS = 120;
/** Devices are asked once somebody has stopped typing. */
export const DEVICE_PAUSE_MS = 500;
/** One letter is everywhere in a device. */
export const LEAST_FOR_DEVICES = 2;
/** Of each kind. */
export const FINDS = 8;

/** How the finder asks the daemon. */
export interface Asking {
  house: (text: string, limit: number, signal: AbortSignal) => Promise<Found>;
  devices: (text: string, limit: number, signal: AbortSignal) => Promise<DeviceFinds>;
}

export class Finder {
  text = $state.raw('');
  found = $state.raw<Found>();
  devices = $state.raw<DeviceFinds>();
  /** The house has not answered to this text yet. */
  busy = $state.raw(false);
  /** The devices have not. */
  asking = $state.raw(false);
  problem = $state.raw<Problem>();
  #abort: AbortController | undefined;
  #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(readonly ask: Asking) {}

  type(text: string): void {
    const wanted = text.trim();
    if (wanted === this.text) return;
    this.text = wanted;
    this.#begin();
  }

  /** Asks again after a failure. */
  again(): void {
    this.#begin();
  }

  /** Nothing that is under way arrives any more. */
  close(): void {
    this.#stop();
  }

  #stop(): void {
    this.#abort?.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }

  #begin(): void {
    this.#stop();
    this.problem = undefined;
    this.found = narrowed(this.found, this.text);
    this.devices = undefined;
    this.busy = this.text !== '';
    this.asking = this.text.length >= LEAST_FOR_DEVICES;
    if (!this.busy) {
      this.found = undefined;
      return;
    }
    const { signal } = (this.#abort = new AbortController());
    this.#timers.push(setTimeout(() => void this.#askHouse(signal), PAUSE_MS));
    if (this.asking) this.#timers.push(setTimeout(() => void this.#askDevices(signal), DEVICE_PAUSE_MS));
  }

  async #askHouse(signal: AbortSignal): Promise<void> {
    try {
      const found = await this.ask.house(this.text, FINDS, signal);
      if (!signal.aborted) this.found = found;
    } catch (cause) {
      if (signal.aborted || isAbort(cause)) return;
      this.problem = asProblem(cause);
      this.found = undefined;
    }
    if (!signal.aborted) this.busy = false;
  }

  /** Devices are an extra: where they fail the rest still stands. */
  async #askDevices(signal: AbortSignal): Promise<void> {
    try {
      const finds = await this.ask.devices(this.text, FINDS, signal);
      if (!signal.aborted) this.devices = finds;
    } catch {
      // The house tells what is wrong with the daemon.
    }
    if (!signal.aborted) this.asking = false;
  }
}

/** Of what was found for an older text only what fits the newer one too, until its own answer is there. */
function narrowed(found: Found | undefined, text: string): Found | undefined {
  if (!found) return undefined;
  const datapoints = found.datapoints.filter(({ address, name }) => fits(text, [address, name]));
  return {
    datapoints,
    datapoints_count: datapoints.length,
    instances: found.instances.filter(({ id, name, driver }) => fits(text, [id, name, driver])),
    routes: found.routes.filter(({ id, description }) => fits(text, [id, description])),
    alarms: found.alarms.filter(({ address, name }) => fits(text, [address, name])),
  };
}
