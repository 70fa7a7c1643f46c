// Actions of drivers that are under way or done. They go on while another page is open.
import { asProblem, type Problem } from '../../api/http';
import { clock } from '../../live/clock.svelte';

export class Run {
  sinceMs = $state.raw<number>();
  answer = $state.raw<unknown>();
  problem = $state.raw<Problem>();
  done = $state.raw(false);
  /** Somebody did not want to wait any longer. */
  cancelled = $state.raw(false);
  /** What was asked, to be shown again. */
  args = $state.raw<unknown>({});

  #abort: AbortController | undefined;

  /** Waits for it no longer. A driver that runs for nothing else is ended; one that has begun may finish it. */
  cancel(): void {
    this.#abort?.abort();
  }

  /** Does it, one at a time; true if it went well. */
  async start(work: (signal: AbortSignal) => Promise<unknown>): Promise<boolean> {
    if (this.sinceMs !== undefined) return false;
    this.sinceMs = clock.exact();
    this.problem = undefined;
    this.done = false;
    this.cancelled = false;
    const { signal } = (this.#abort = new AbortController());
    try {
      this.answer = await work(signal);
      this.done = true;
      return true;
    } catch (cause) {
      if (signal.aborted) this.cancelled = true;
      else this.problem = asProblem(cause);
      return false;
    } finally {
      this.sinceMs = undefined;
    }
  }
}

/** More are not remembered; the oldest goes. */
const MOST = 50;
const runs = new Map<string, Run>();

/** The run of an action at a place; the same until the page is loaded anew. */
export function runOf(place: string, action: string): Run {
  const key = `${place}\n${action}`;
  let run = runs.get(key);
  if (!run) {
    run = new Run();
    runs.set(key, run);
    const [oldest] = runs.keys();
    if (runs.size > MOST && oldest !== undefined) runs.delete(oldest);
  }
  return run;
}
