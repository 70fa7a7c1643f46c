// One adapter's view of who is around. It outlives its page, so that the curves of loudness go on where they were left.
import { type Adapter, type Device, type Scan, scan } from '../../api/bluetooth';
import { asProblem, type Problem } from '../../api/http';
import { clock } from '../../live/clock.svelte';

/** Between two looks. */
export const LOOK_MS = 3_000;
/** The same where for a while nobody touched the page and nobody came, went or paired. */
export const CALM_MS = 10_000;
const CALM_AFTER_MS = 60_000;
/** After a failure somebody is given time to plug something in. */
const AGAIN_MS = 8_000;
/** A page that nobody touches does not keep the adapter searching for ever: links suffer from it. */
export const PATIENCE_MS = 600_000;
/** Of each device; five minutes. */
const MOST_HEARD = 100;
/** Devices that are remembered; those that are gone longest are forgotten. */
const MOST_DEVICES = 600;

/** How loud a device was at a moment; without a number it was not heard. */
export interface Heard {
  at: number;
  rssi: number | undefined;
}

export class Radio {
  adapter = $state.raw<Adapter | null>();
  devices = $state.raw<Device[]>();
  problem = $state.raw<Problem>();
  /** When the list was told, by the daemon's clock. */
  toldMs = $state.raw(0);
  /** Nobody has touched the page for long. */
  tired = $state.raw(false);
  /** By address, the oldest first. */
  heard = $state.raw<ReadonlyMap<string, Heard[]>>(new Map());
  /** When each was seen first, as a number that grows. */
  readonly since = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #touchedMs = 0;
  /** Who is around and how each stands, when it was another last. */
  #around = '';
  #changedMs = 0;
  #running = false;
  #busy = false;

  constructor(
    readonly id: string,
    readonly ask: (id: string) => Promise<Scan> = scan,
  ) {}

  /** Looks until the returned function is called. */
  start(): () => void {
    this.#running = true;
    this.tired = false;
    this.#touchedMs = clock.exact();
    void this.look();
    return () => {
      this.#running = false;
      clearTimeout(this.#timer);
    };
  }

  /** Somebody is there. */
  touch(): void {
    const rests = this.tired || this.#pace() === CALM_MS;
    this.#touchedMs = clock.exact();
    if (!rests) return;
    this.tired = false;
    void this.look();
  }

  /** How long it waits before the next look. */
  #pace(): number {
    return clock.exact() - Math.max(this.#touchedMs, this.#changedMs) > CALM_AFTER_MS ? CALM_MS : LOOK_MS;
  }

  /** Asks now. */
  async look(): Promise<void> {
    clearTimeout(this.#timer);
    if (!this.#running || this.#busy) return;
    this.#busy = true;
    try {
      if (!document.hidden) this.take(await this.ask(this.id), clock.exact());
    } catch (cause) {
      this.problem = asProblem(cause);
    } finally {
      this.#busy = false;
      this.#next();
    }
  }

  #next(): void {
    if (!this.#running) return;
    this.tired = clock.exact() - this.#touchedMs > PATIENCE_MS;
    if (!this.tired) this.#timer = setTimeout(() => void this.look(), this.problem ? AGAIN_MS : this.#pace());
  }

  take({ adapter, devices }: Scan, nowMs: number): void {
    this.problem = undefined;
    this.adapter = adapter ?? null;
    const list = Array.isArray(devices) ? devices : [];
    const around = list.map(({ address, connected, paired }) => `${address} ${connected} ${paired}`).sort().join();
    if (around !== this.#around) [this.#around, this.#changedMs] = [around, nowMs];
    const pace = this.#pace();
    const heard = new Map(this.heard);
    const loudest = [...list].sort((a, b) => (b.rssi ?? -999) - (a.rssi ?? -999));
    for (const { address } of loudest) if (!this.since.has(address)) this.since.set(address, this.since.size);
    for (const device of list) {
      const before = heard.get(device.address) ?? [];
      heard.delete(device.address);
      heard.set(device.address, [...before, { at: nowMs, rssi: isFresh(device, pace) ? (device.rssi ?? undefined) : undefined }].slice(-MOST_HEARD));
    }
    for (const address of heard.keys()) {
      if (heard.size <= MOST_DEVICES) break;
      heard.delete(address);
    }
    [this.heard, this.devices, this.toldMs] = [heard, list, nowMs];
  }
}

/** Whether it was heard since about the last look. */
function isFresh({ age_s }: Device, paceMs: number): boolean {
  return (age_s ?? 0) * 1_000 < 2 * paceMs;
}

const radios = new Map<string, Radio>();

/** The one of this instance; the same until the page is loaded anew. */
export function radioOf(id: string): Radio {
  let radio = radios.get(id);
  if (!radio) radios.set(id, (radio = new Radio(id)));
  return radio;
}
