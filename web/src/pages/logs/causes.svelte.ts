// What failed, by cause, asked for again and again while the tab is open.
import { getErrors } from '../../api/endpoints';
import { asProblem, type Problem } from '../../api/http';
import type { ErrorCause } from '../../api/types';

export const REFRESH_MS = 3_000;

export type CauseState = 'open' | 'resolved' | 'all';

export class Causes {
  /** Undefined until the first answer. */
  all = $state.raw<ErrorCause[]>();
  /** Where the next page begins, if there is one. */
  next = $state.raw<string>();
  problem = $state.raw<Problem>();
  /** How many pages are shown. */
  #pages = 1;

  constructor(
    readonly state: CauseState,
    readonly search: string,
  ) {}

  async load(): Promise<void> {
    try {
      const all: ErrorCause[] = [];
      let after: string | undefined;
      for (let page = 0; page < this.#pages; page += 1) {
        const answer = await getErrors({
          resolved: this.state === 'all' ? undefined : this.state === 'resolved',
          search: this.search,
          after,
        });
        all.push(...answer.items);
        after = answer.next === undefined ? undefined : String(answer.next);
        if (after === undefined) break;
      }
      this.all = all;
      this.next = after;
      this.problem = undefined;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }

  more(): Promise<void> {
    this.#pages += 1;
    return this.load();
  }
}
