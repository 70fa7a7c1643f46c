// Something that is asked for once and again after each change.
import { asProblem, type Problem } from '../../api/http';

export class Loaded<T> {
  /** Undefined until the first answer. */
  value = $state.raw<T>();
  problem = $state.raw<Problem>();
  #asked = 0;

  constructor(readonly ask: () => Promise<T>) {}

  /** Asks; of several questions on their way the last one counts. */
  async load(): Promise<void> {
    this.#asked += 1;
    const number = this.#asked;
    try {
      const value = await this.ask();
      if (number === this.#asked) [this.value, this.problem] = [value, undefined];
    } catch (cause) {
      if (number === this.#asked) this.problem = asProblem(cause);
    }
  }
}
