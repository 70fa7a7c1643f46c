// How many values change in one picture: as many as it has time for, learnt from the pictures before.

/** Of work on the main thread for one picture, in milliseconds; at sixty pictures a second there are 16. */
export const BUDGET_MS = 6;
/** However slow the machine is, the page goes on. */
export const LEAST = 6;
const MOST = 400;
const FIRST = 16;

export class Pace {
  /** So many values are changed in a picture that has nothing else to do. */
  most = FIRST;

  /** How many, if so many milliseconds of this picture's time are gone for something else already, such as a turn of the wheel. */
  after(gone: number): number {
    const left = Math.max(0, 1 - gone / BUDGET_MS);
    return Math.max(LEAST, Math.floor(this.most * left));
  }

  /** A picture in which `count` values were changed took so long, from the change to what was painted. */
  took(count: number, ms: number): void {
    // Half of what was too much at once, then back in small steps: one slow picture may have had another cause.
    if (ms > BUDGET_MS) this.most = Math.max(LEAST, Math.floor(this.most * Math.max(0.5, BUDGET_MS / ms)));
    else if (count >= this.most && ms < 0.8 * BUDGET_MS) this.most = Math.min(MOST, this.most + 1);
  }
}
