// The values of one curve, in a ring of fixed size, and what of them can be seen in so many columns of pixels. Pure.

/** As many as the house keeps. */
export const MOST = 10_000;

/** What is drawn in one column of pixels. */
export interface Drawing {
  /** Pixel column, first, lowest, highest, last of each; `used` of them count. A column of NaN is a gap. */
  x: Float32Array;
  first: Float32Array;
  low: Float32Array;
  high: Float32Array;
  last: Float32Array;
  used: number;
}

export const drawing = (columns: number): Drawing => ({
  x: new Float32Array(columns),
  first: new Float32Array(columns),
  low: new Float32Array(columns),
  high: new Float32Array(columns),
  last: new Float32Array(columns),
  used: 0,
});

/** Values in the order of their time. Where nothing is known from then on the value is NaN. */
export class Trace {
  readonly #time: Float64Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  /** Where the oldest is, and how many there are. */
  #begin = 0;
  #count = 0;

  constructor(readonly most = MOST) {
    this.#time = new Float64Array(most);
    this.#low = new Float64Array(most);
    this.#high = new Float64Array(most);
  }

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#begin = this.#count = 0;
  }

  /** Takes a value, or what lay between two. One that is older than the last is left out. */
  push(ms: number, low: number, high = low): void {
    if (this.#count > 0 && ms < this.timeAt(this.#count - 1)) return;
    const at = (this.#begin + this.#count) % this.most;
    this.#time[at] = ms;
    this.#low[at] = low;
    this.#high[at] = high;
    if (this.#count < this.most) this.#count += 1;
    else this.#begin = (this.#begin + 1) % this.most;
  }

  timeAt(index: number): number {
    return this.#time[(this.#begin + index) % this.most] ?? NaN;
  }

  /** The value that held at this moment; NaN where nothing is known. */
  valueAt(ms: number): number {
    const index = this.#after(ms) - 1;
    return index < 0 ? NaN : (this.#high[(this.#begin + index) % this.most] ?? NaN);
  }

  /** The number of the first that is later. */
  #after(ms: number): number {
    let [from, to] = [0, this.#count];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.timeAt(middle) <= ms) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Fills `into` with what lies between two moments; the value that held at the first one is in its first column. */
  draw(fromMs: number, untilMs: number, into: Drawing): void {
    const columns = into.x.length;
    const scale = columns / Math.max(1, untilMs - fromMs);
    into.used = 0;
    let column = -1;
    for (let index = Math.max(0, this.#after(fromMs) - 1); index < this.#count; index += 1) {
      const at = (this.#begin + index) % this.most;
      const ms = this.#time[at]!;
      if (ms > untilMs) break;
      const x = Math.min(columns - 1, Math.max(0, Math.floor((ms - fromMs) * scale)));
      const [low, high] = [this.#low[at]!, this.#high[at]!];
      if (x !== column) {
        const slot = into.used++;
        column = x;
        into.x[slot] = x;
        into.first[slot] = low;
        into.low[slot] = low;
        into.high[slot] = high;
        into.last[slot] = high;
        continue;
      }
      const slot = into.used - 1;
      // A gap within a column is narrower than can be seen; what it ends with counts.
      if (!(into.low[slot]! <= low)) into.low[slot] = Number.isNaN(low) ? into.low[slot]! : low;
      if (!(into.high[slot]! >= high)) into.high[slot] = Number.isNaN(high) ? into.high[slot]! : high;
      into.last[slot] = high;
    }
  }
}

/** The lowest and the highest of what is drawn; none where nothing is. */
export function bounds(all: readonly Drawing[]): { low: number; high: number } | undefined {
  let [low, high] = [Infinity, -Infinity];
  for (const one of all) {
    for (let slot = 0; slot < one.used; slot += 1) {
      if (one.low[slot]! < low) low = one.low[slot]!;
      if (one.high[slot]! > high) high = one.high[slot]!;
    }
  }
  return low <= high ? { low, high } : undefined;
}
