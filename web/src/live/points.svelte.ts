// The datapoints that are on the screen: each held as long as somebody shows it, updated once a frame.
import type { ClientMessage, PointInfo, PointUpdate, ServerMessage } from '../api/types';
import { Interest } from './interest';
import { Point } from './point.svelte';

/** Runs `task` before the next picture. */
export type Schedule = (task: () => void) => void;

/**
 * More at once would make a frame that is felt. Where more change than that, each is drawn a little less often, and always
 * with its newest value.
 */
export const MOST_PER_FRAME = 24;

interface Held {
  point: Point;
  holders: number;
}

/** The live store. `send` reaches the daemon, or nobody while the connection is lost: `reconnected` makes up for it. */
export class Points {
  #held = new Map<string, Held>();
  #interest = new Interest();
  #updates = new Map<string, PointUpdate | PointInfo>();
  #scheduled = false;
  #connected = false;

  constructor(
    readonly send: (message: ClientMessage) => void,
    readonly schedule: Schedule,
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
    if (held.holders === 0) this.#held.delete(address);
    this.#interest.drop(address);
    this.#plan();
  }

  /** A connection opened that knows nothing of what is wanted here. */
  connected(): void {
    this.#connected = true;
    this.#interest.forget();
    this.#plan();
  }

  /** Nothing that is shown is known any more. */
  lost(): void {
    this.#connected = false;
    this.#updates.clear();
    for (const { point } of this.#held.values()) point.known = false;
  }

  receive(message: ServerMessage): void {
    for (const update of message.snapshot ?? message.delta ?? []) this.#gather(update);
    if (this.#updates.size > 0) this.#plan();
  }

  /** Keeps the newest of each address, so a hidden tab gathers no more than it shows. */
  #gather(update: PointUpdate | PointInfo): void {
    if (!this.#held.has(update.address)) return;
    const before = this.#updates.get(update.address);
    this.#updates.set(update.address, before && 'writable' in before ? { ...before, ...update } : update);
  }

  #plan(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.schedule(() => {
      this.#scheduled = false;
      this.#frame();
    });
  }

  #frame(): void {
    let left = MOST_PER_FRAME;
    for (const [address, update] of this.#updates) {
      if (left-- === 0) break;
      this.#updates.delete(address);
      const point = this.#held.get(address)?.point;
      if (!point) continue;
      if ('writable' in update) point.describe(update);
      else point.update(update);
      point.known = true;
    }
    // Who waits longest comes next; what is newer of the same takes its place meanwhile.
    if (this.#updates.size > 0) this.#plan();
    if (this.#connected) for (const message of this.#interest.take()) this.send(message);
  }
}
