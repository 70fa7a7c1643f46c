// The log as it is written: the last lines, then each as it comes over the one WebSocket.
import type { ClientMessage, LogEntry, LogWish, ServerMessage } from '../api/types';

/** Older lines beyond this leave the screen. */
export const MOST_LINES = 2_000;

export class LogFeed {
  /** Newest last; undefined until the first answer. */
  lines = $state.raw<LogEntry[]>();
  /** Lines came faster than they could be shown: some are only in the file. */
  gap = $state.raw(false);
  #wish: LogWish | undefined;

  constructor(readonly send: (message: ClientMessage) => void) {}

  /** Begins anew with these lines. */
  follow(wish: LogWish): void {
    this.#wish = wish;
    this.lines = undefined;
    this.gap = false;
    this.send({ follow_logs: wish });
  }

  stop(): void {
    this.#wish = undefined;
    this.lines = undefined;
    this.send({ follow_logs: null });
  }

  /** A new connection knows nothing of the one before; its first lines close the distance. */
  connected(): void {
    if (this.#wish) this.send({ follow_logs: this.#wish });
  }

  receive({ lines, gap }: NonNullable<ServerMessage['logs']>): void {
    if (!this.#wish) return;
    const byId = new Map((this.lines ?? []).map((line) => [line.id, line]));
    for (const line of lines) byId.set(line.id, line);
    this.lines = [...byId.values()].sort((a, b) => a.id - b.id).slice(-MOST_LINES);
    this.gap ||= gap;
  }
}
