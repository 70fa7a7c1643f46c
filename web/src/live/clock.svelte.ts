// The one clock that ages count by. It follows the daemon's, since a wall panel may believe in another year.

const TICK_MS = 1_000;
/** The `Date` header counts whole seconds; a smaller difference tells nothing. */
const TRUSTED_SKEW_MS = 2_000;

class Clock {
  #skewMs = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The daemon's time in milliseconds since 1970, once a second. */
  now = $state.raw(Date.now());

  start(): void {
    this.#timer ??= setInterval(() => this.tick(), TICK_MS);
    document.addEventListener('visibilitychange', () => this.tick());
  }

  tick(): void {
    if (!document.hidden) this.now = this.exact();
  }

  /** The daemon's time at this moment, without a signal. */
  exact(): number {
    return Date.now() + this.#skewMs;
  }

  /** Learns the daemon's time from an answer. */
  learn(theirs: Date): void {
    const skew = theirs.getTime() - Date.now();
    if (Number.isNaN(skew)) return;
    this.#skewMs = Math.abs(skew) < TRUSTED_SKEW_MS ? 0 : skew;
  }
}

export const clock = new Clock();
