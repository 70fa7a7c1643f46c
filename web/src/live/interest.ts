// Which addresses the pages want, and which frames tell the daemon so.
import type { ClientMessage } from '../api/types';

/** Addresses in one frame; more go in several, since the daemon bounds its frames. */
export const ADDRESSES_PER_FRAME = 500;

/** Counts who wants what. The daemon is told of differences only. */
export class Interest {
  #wanted = new Map<string, number>();
  #told = new Set<string>();
  #changed = new Set<string>();

  want(address: string): void {
    this.#wanted.set(address, (this.#wanted.get(address) ?? 0) + 1);
    this.#changed.add(address);
  }

  /** Takes back one `want`. */
  drop(address: string): void {
    const left = (this.#wanted.get(address) ?? 0) - 1;
    if (left > 0) this.#wanted.set(address, left);
    else this.#wanted.delete(address);
    this.#changed.add(address);
  }

  /** A new connection: the daemon knows nothing. */
  forget(): void {
    this.#told.clear();
    this.#changed = new Set(this.#wanted.keys());
  }

  /** The frames that bring the daemon to what is wanted now. */
  take(): ClientMessage[] {
    const subscribe: string[] = [];
    const unsubscribe: string[] = [];
    for (const address of this.#changed) {
      const wanted = this.#wanted.has(address);
      if (wanted === this.#told.has(address)) continue;
      if (wanted) {
        this.#told.add(address);
        subscribe.push(address);
      } else {
        this.#told.delete(address);
        unsubscribe.push(address);
      }
    }
    this.#changed.clear();
    return [
      ...chunks(unsubscribe).map((addresses) => ({ unsubscribe: addresses })),
      ...chunks(subscribe).map((addresses) => ({ subscribe: addresses })),
    ];
  }
}

function chunks(addresses: string[]): string[][] {
  const parts: string[][] = [];
  for (let at = 0; at < addresses.length; at += ADDRESSES_PER_FRAME) {
    parts.push(addresses.slice(at, at + ADDRESSES_PER_FRAME));
  }
  return parts;
}
