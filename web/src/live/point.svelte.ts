import type { PointInfo, PointUpdate, Quality, Value } from '../api/types';

/** A value that stood so long is noticed when it changes. */
export const STEADY_MS = 1_500;

/** One live datapoint. Each field is a signal of its own, so that only its readers re-run. */
export class Point {
  value = $state.raw<Value>(null);
  quality = $state.raw<Quality>('bad');
  /** Why the quality is not good; a key of the texts' `reasons` if known. */
  reason = $state.raw('no_data');
  note = $state.raw('');
  sourceMs = $state.raw(0);
  receiveMs = $state.raw(0);
  /** Whether the connection that is open now has confirmed the value. */
  known = $state.raw(false);
  /**
   * Counts the changes of a value that had stood still for a moment: those are what one wants to see. One that changes all
   * the time would only flicker.
   */
  changes = $state.raw(0);
  #changedMs = -Infinity;

  name = $state.raw('');
  unit = $state.raw('');
  type = $state.raw('');
  writable = $state.raw(false);

  constructor(readonly address: string) {}

  /** Takes a new sample. */
  update(next: PointUpdate): void {
    const first = this.receiveMs === 0;
    const changed = next.value !== this.value && JSON.stringify(next.value) !== JSON.stringify(this.value);
    this.value = next.value;
    this.quality = next.quality;
    this.reason = next.reason;
    this.note = next.note ?? '';
    this.sourceMs = next.source_ms;
    this.receiveMs = next.receive_ms;
    if (!changed) return;
    if (!first && next.receive_ms - this.#changedMs >= STEADY_MS) this.changes += 1;
    this.#changedMs = first ? -Infinity : next.receive_ms;
  }

  /** Takes a sample together with what the datapoint is. */
  describe(next: PointInfo): void {
    this.name = next.name ?? '';
    this.unit = next.unit ?? '';
    this.type = next.type ?? '';
    this.writable = next.writable;
    this.update(next);
  }
}
