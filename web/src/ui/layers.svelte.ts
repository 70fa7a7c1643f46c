// Which dialog lies on top. What has to be seen and pressed over everything is shown in that one, for all behind it is dead.
import { type Component, getContext, onMount, setContext } from 'svelte';

class Layers {
  #open = $state.raw<readonly object[]>([]);

  /** The dialog that was opened last; undefined while there is none. */
  get top(): object | undefined {
    return this.#open.at(-1);
  }

  /** Puts a dialog on top until what is returned is called. */
  add(dialog: object): () => void {
    this.#open = [...this.#open, dialog];
    return () => (this.#open = this.#open.filter((one) => one !== dialog));
  }
}

export const layers = new Layers();

/** To be called while a dialog is made: what tells whether it lies on top. */
export function asLayer(): () => boolean {
  const self = {};
  onMount(() => layers.add(self));
  return () => layers.top === self;
}

const KEY = Symbol('what is shown over everything');

/** What each dialog shows while it lies on top. */
export const setOverAll = (over: Component) => setContext(KEY, over);
export const getOverAll = (): Component | undefined => getContext<Component | undefined>(KEY);
