// What somebody does with a widget, and how it ended. A widget never shows what was asked as if it were so: what it shows is
// its datapoints, and this beside them.
import { asProblem, type Problem } from '../api/http';
import type { Value, WriteAnswer } from '../api/types';

export const phases = ['idle', 'pending', 'confirmed', 'rejected', 'expired', 'superseded', 'open', 'failed'] as const;
export type Phase = (typeof phases)[number];

/** Sends a value to a binding; nothing when the person has thought better of it. */
export type Send = (binding: string, value: Value) => Promise<WriteAnswer | undefined>;

/** Good news goes by itself. */
export const GOOD_MS = 2_500;
/** Bad news stays for whoever was looking elsewhere. */
export const BAD_MS = 20_000;

const PHASES: Record<WriteAnswer['outcome'], Phase> = {
  confirmed: 'confirmed',
  rejected: 'rejected',
  expired: 'expired',
  superseded: 'superseded',
  // The daemon has stopped waiting: nobody knows the end.
  pending: 'open',
};

export class Act {
  phase = $state.raw<Phase>('idle');
  /** What was asked for, while that is not over. */
  wanted = $state.raw<{ binding: string; value: Value }>();
  /** Why, in the words of the daemon or the device. */
  reason = $state.raw('');
  hint = $state.raw('');
  /** Why the request itself failed. */
  problem = $state.raw<Problem>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = 0;

  constructor(
    readonly send: Send,
    /** Whether this person may; without it the controls are there to look at. */
    readonly may: () => boolean,
  ) {}

  get busy(): boolean {
    return this.phase === 'pending';
  }


  /** Writes, or pulses where the binding says so; the daemon knows. */
  async write(binding: string, value: Value): Promise<void> {
    if (!this.may()) return;
    const turn = ++this.#last;
    clearTimeout(this.#timer);
    this.#become('pending');
    this.wanted = { binding, value };
    try {
      const answer = await this.send(binding, value);
      // A newer wish tells its own end.
      if (turn !== this.#last) return;
      if (!answer) this.#become('idle');
      else this.#end(PHASES[answer.outcome] ?? 'open', answer.reason, answer.hint);
    } catch (cause) {
      if (turn !== this.#last) return;
      const problem = asProblem(cause);
      this.#end('failed', problem.detail || problem.title, problem.hint);
      this.problem = problem;
    }
  }

  /** Stops telling of the last one. */
  dismiss(): void {
    clearTimeout(this.#timer);
    if (!this.busy) this.#become('idle');
  }

  #end(phase: Phase, reason = '', hint = ''): void {
    this.#become(phase);
    [this.reason, this.hint] = [reason, hint];
    this.#timer = setTimeout(() => this.#become('idle'), phase === 'confirmed' ? GOOD_MS : BAD_MS);
  }

  #become(phase: Phase): void {
    this.phase = phase;
    [this.wanted, this.reason, this.hint, this.problem] = [undefined, '', '', undefined];
  }
}
