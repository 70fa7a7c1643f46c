// Whether the house is in panic: the one thing that everybody has to see on every page.
import { getPanic } from '../api/endpoints';
import type { Panic } from '../api/types';
import { Looking } from './looking.svelte';

const LOOK_MS = 2_000;

class PanicWatch extends Looking<Panic> {
  /** Whether writes are held back. */
  active = $derived(this.now !== undefined && this.now.state !== 'armed');
}

export const panic = new PanicWatch(getPanic, LOOK_MS);
