// The log of one instance, as far as it was asked for.
import { getLogs } from '../../api/endpoints';
import { asProblem, type Problem } from '../../api/http';
import type { LogEntry, LogLevel } from '../../api/types';
import { joinLines } from './logLines';

/** Lines in one answer. */
const PAGE = 200;
/** Between two questions while it follows. */
export const FOLLOW_MS = 1_000;
/** Answers fetched to close the distance to the last line; a flood beyond that leaves a gap. */
const MOST_PAGES = 5;

export class Log {
  /** Newest last; undefined until the first answer. */
  lines = $state.raw<LogEntry[]>();
  problem = $state.raw<Problem>();
  /** Where older lines begin, if there are some. */
  older = $state.raw<string | number>();

  constructor(
    readonly instance: string,
    readonly level: LogLevel,
  ) {}

  /** Fetches what is new. */
  async refresh(): Promise<void> {
    try {
      const known = this.lines?.at(-1)?.id;
      let before: string | number | undefined;
      let lines = this.lines ?? [];
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const { items, next } = await this.#ask(before);
        lines = joinLines(lines, items);
        if (known === undefined) this.older = next;
        if (known === undefined || next === undefined || items.some(({ id }) => id === known)) break;
        before = next;
      }
      this.lines = lines;
      this.problem = undefined;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }

  /** Fetches a page of older lines. */
  async loadOlder(): Promise<void> {
    try {
      const { items, next } = await this.#ask(this.older);
      this.lines = joinLines(this.lines ?? [], items, Number.POSITIVE_INFINITY);
      this.older = next;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }

  #ask(before?: string | number) {
    const { instance, level } = this;
    return getLogs({ instance, level: level === 'trace' ? undefined : level, limit: PAGE, before });
  }
}
