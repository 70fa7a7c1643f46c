// The datapoints that are on the screen: each held as long as somebody shows it, updated once a frame.
import type { ClientMessage, PointInfo, PointUpdate, ServerMessage } from '../api/types';
import { Interest } from './interest';
import { Pace } from './pace';
import { Point, STEADY_MS } from './point.svelte';

/**
 * Runs `task` before the next picture, with how many milliseconds of its time are gone already, and tells `painted` how many
 * passed from then until it was painted.
 */
export type Schedule = (task: (gone: number) => void, painted: (ms: number) => void) => void;

/** The least time between two bunches of what is wanted: the daemon takes only so many messages a second. */
export const BUNCH_MS = 120;

interface Held {
  point: Point;
  holders: number;
}

/** The live store. `send` reaches the daemon, or nobody while the connection is lost: `reconnected` makes up for it. */
export class Points {
  #held = new Map<string, Held>();
  #interest = new Interest();
  /** Of those that had stood still: somebody waits for them. */
  #sudden = new Map<string, PointUpdate | PointInfo>();
  /** Of those that change all the time: each is drawn as often as there is time for, and always with its newest value. */
  #steady = new Map<string, PointUpdate | PointInfo>();
  /** Where the round of those stands: what was taken one after the other mostly lies side by side, and is painted at once. */
  #round: MapIterator<string> | undefined;
  #pace = new Pace();
  #drawn = 0;
  #told = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #scheduled = false;
  #connected = false;

  constructor(
    readonly send: (message: ClientMessage) => void,
    readonly schedule: Schedule,
    readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * The point at `address`, subscribed until it is released. `info` is what a list has said about it: just now, or, if it is
   * not `fresh`, some time ago, so that its value waits to be confirmed.
   */
  hold(address: string, info?: PointInfo, { fresh = true } = {}): Point {
    let held = this.#held.get(address);
    if (held) {
      held.holders += 1;
      if (info && info.receive_ms >= held.point.receiveMs) held.point.describe(info);
    } else {
      held = { point: new Point(address), holders: 1 };
      if (info) held.point.describe(info);
      held.point.known = this.#connected && info !== undefined && fresh;
      this.#held.set(address, held);
    }
    this.#interest.want(address);
    this.#plan();
    return held.point;
  }

  /** Takes back one `hold`. */
  release(address: string): void {
    const held = this.#held.get(address);
    if (!held) return;
    held.holders -= 1;
    if (held.holders === 0) {
      for (const all of [this.#held, this.#sudden, this.#steady]) all.delete(address);
    }
    this.#interest.drop(address);
    this.#plan();
  }

  /** A connection opened that knows nothing of what is wanted here. */
  connected(): void {
    this.#connected = true;
    this.#told = -Infinity;
    this.#interest.forget();
    this.#plan();
  }

  /** Nothing that is shown is known any more. */
  lost(): void {
    this.#connected = false;
    this.#sudden.clear();
    this.#steady.clear();
    for (const { point } of this.#held.values()) point.known = false;
  }

  receive(message: ServerMessage): void {
    for (const update of message.snapshot ?? message.delta ?? []) this.#gather(update);
    if (this.#waiting > 0) this.#plan();
  }

  get #waiting(): number {
    return this.#sudden.size + this.#steady.size;
  }

  /** Keeps the newest of each address, so a hidden tab gathers no more than it shows. */
  #gather(update: PointUpdate | PointInfo): void {
    const point = this.#held.get(update.address)?.point;
    if (!point) return;
    const stood = !point.known || update.receive_ms - point.receiveMs >= STEADY_MS;
    const queue = [this.#sudden, this.#steady].find((queue) => queue.has(update.address)) ?? (stood ? this.#sudden : this.#steady);
    const before = queue.get(update.address);
    queue.set(update.address, before && 'writable' in before ? { ...before, ...update } : update);
  }

  #plan(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.schedule(
      (gone) => {
        this.#scheduled = false;
        this.#frame(this.#pace.after(gone));
      },
      (ms) => this.#drawn > 0 && this.#pace.took(this.#drawn, ms),
    );
  }

  #frame(most: number): void {
    this.#drawn = Math.min(this.#waiting, most);
    let left = this.#drawn;
    for (const address of this.#sudden.keys()) {
      if (left === 0) break;
      left -= 1;
      this.#draw(this.#sudden, address);
    }
    for (let ends = 0; left > 0 && this.#steady.size > 0 && ends < 2; ) {
      this.#round ??= this.#held.keys();
      const { value: address, done } = this.#round.next();
      if (done) {
        this.#round = undefined;
        ends += 1;
      } else if (this.#steady.has(address)) {
        left -= 1;
        this.#draw(this.#steady, address);
      }
    }
    // Each has its turn; what is newer of the same takes its place meanwhile.
    if (this.#waiting > 0) this.#plan();
    this.#tell();
  }

  /** Tells the daemon what is wanted now; what came and went between two bunches is never spoken of. */
  #tell(): void {
    if (!this.#connected || this.#timer) return;
    const wait = this.#told + BUNCH_MS - this.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => ((this.#timer = undefined), this.#plan()), wait);
      return;
    }
    const messages = this.#interest.take();
    if (messages.length > 0) this.#told = this.now();
    for (const message of messages) this.send(message);
  }

  #draw(queue: Map<string, PointUpdate | PointInfo>, address: string): void {
    const [point, update] = [this.#held.get(address)?.point, queue.get(address)];
    queue.delete(address);
    if (!point || !update) return;
    if ('writable' in update) point.describe(update);
    else point.update(update);
    point.known = true;
  }
}
