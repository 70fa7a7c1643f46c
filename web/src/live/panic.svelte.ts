// Whether the house is in panic. Asked for again and again: the one thing that everybody has to see on every page.
import { getPanic } from '../api/endpoints';
import type { Panic } from '../api/types';

const LOOK_MS = 2_000;

class PanicWatch {
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The last that was heard; none before the first answer. */
  now = $state.raw<Panic>();

  /** Whether writes are held back. */
  active = $derived(this.now !== undefined && this.now.state !== 'armed');

  /** Looks until the returned function is called. */
  start(): () => void {
    this.#timer ??= setInterval(() => !document.hidden && void this.look(), LOOK_MS);
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
      const heard = await getPanic();
      if (this.#timer !== undefined) this.now = heard;
    } catch {
      // The lamp of the link tells.
    }
  }
}

export const panic = new PanicWatch();
