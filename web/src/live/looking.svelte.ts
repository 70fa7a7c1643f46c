// What is asked for again and again, since every page shows it.

/** Asks every so often while somebody looks. */
export class Looking<T> {
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #ask: () => Promise<T>;
  readonly #everyMs: number;

  /** The last that was heard; none before the first answer. */
  now = $state.raw<T>();

  constructor(ask: () => Promise<T>, everyMs: number) {
    this.#ask = ask;
    this.#everyMs = everyMs;
  }

  /** Looks until the returned function is called. */
  start(): () => void {
    this.#timer ??= setInterval(() => !document.hidden && void this.look(), this.#everyMs);
    void this.look();
    return () => {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.now = undefined;
    };
  }

  /** What the daemon says now; a daemon that does not answer changes nothing on the screen. */
  async look(): Promise<void> {
    try {
      const heard = await this.#ask();
      if (this.#timer !== undefined) this.now = heard;
    } catch {
      // The lamp of the link tells.
    }
  }
}
