// What the daemon refuses and does, in the language of the person. It says so in English, and the German words are not part of
// the first load: they come when the first of it is shown, or when nothing else is to do. What is on the screen then changes.
import { settings } from '../settings.svelte';

class Refusals {
  #say = $state.raw<(english: string) => string>();
  #asked = false;

  /** Fetches the words where this language needs some. */
  fetch(): void {
    if (this.#asked || settings.language === 'en') return;
    this.#asked = true;
    import('./refused').then(
      ({ refusedText }) => (this.#say = refusedText),
      () => (this.#asked = false),
    );
  }

  /** A sentence of the daemon in other words, if it is known; as it came until the words are there. */
  text(english: string): string {
    if (!english || settings.language === 'en') return english;
    this.fetch();
    return this.#say?.(english) ?? english;
  }
}

export const refusals = new Refusals();
