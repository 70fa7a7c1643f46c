// Short words about what has just happened. They go by themselves; bad news and what can be undone stay longer.

export type Tone = 'good' | 'bad';

/** What a notice offers to do, once. */
export interface NoticeAction {
  label: string;
  run: () => Promise<void>;
}

export interface Notice {
  id: number;
  tone: Tone;
  text: string;
  hint: string;
  action?: NoticeAction;
}

export const GOOD_MS = 4_000;
export const BAD_MS = 15_000;
/** Time to read, to think and to reach the button. */
export const UNDO_MS = 20_000;
/** More would cover the page; the oldest goes. */
const MOST = 4;

/** How long a notice has left, and since when it counts; not while somebody points at it. */
interface Clock {
  leftMs: number;
  startedMs: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

class Notices {
  all = $state.raw<Notice[]>([]);
  #next = 0;
  #clocks = new Map<number, Clock>();
  #words = () => ({ undo: 'Undo', undone: '', failed: (cause: unknown) => String(cause) });

  /** Says how undoing is called in the person's language, and how a failure is told. */
  speak(words: () => { undo: string; undone: string; failed: (cause: unknown) => string }): void {
    this.#words = words;
  }

  /** Shows a notice. The same words again renew the one that is there. */
  add(tone: Tone, text: string, hint = '', action?: NoticeAction): void {
    const id = this.#next++;
    const others = this.all.filter((notice) => notice.text !== text || notice.tone !== tone);
    const notice: Notice = action ? { id, tone, text, hint, action } : { id, tone, text, hint };
    this.all = [...others, notice].slice(-MOST);
    this.#forget();
    const leftMs = action ? UNDO_MS : tone === 'good' ? GOOD_MS : BAD_MS;
    this.#clocks.set(id, { leftMs, startedMs: 0, timer: undefined });
    this.resume(id);
  }

  /** Something is done; `undo` takes it back, if that is possible. It is called at most once. */
  done(text: string, { undo }: { undo?: () => Promise<unknown> } = {}): void {
    if (!undo) return this.add('good', text);
    const words = this.#words();
    const run = async () => {
      try {
        await undo();
        this.add('good', words.undone);
      } catch (cause) {
        this.add('bad', words.failed(cause));
      }
    };
    this.add('good', text, '', { label: words.undo, run });
  }

  /** Its time stands still: somebody points at it or has the focus in it. */
  pause(id: number): void {
    const clock = this.#clocks.get(id);
    if (!clock || clock.timer === undefined) return;
    clearTimeout(clock.timer);
    clock.timer = undefined;
    clock.leftMs = Math.max(0, clock.leftMs - (Date.now() - clock.startedMs));
  }

  resume(id: number): void {
    const clock = this.#clocks.get(id);
    if (!clock || clock.timer !== undefined) return;
    clock.startedMs = Date.now();
    clock.timer = setTimeout(() => this.dismiss(id), clock.leftMs);
  }

  dismiss(id: number): void {
    this.all = this.all.filter((notice) => notice.id !== id);
    this.#forget();
  }

  /** Does what the notice offers; it goes at once, so nobody does it twice. */
  async act(id: number): Promise<void> {
    const action = this.all.find((notice) => notice.id === id)?.action;
    this.dismiss(id);
    await action?.run();
  }

  /** Stops the clocks of notices that are gone. */
  #forget(): void {
    for (const [id, clock] of this.#clocks) {
      if (this.all.some((notice) => notice.id === id)) continue;
      clearTimeout(clock.timer);
      this.#clocks.delete(id);
    }
  }
}

export const notices = new Notices();
