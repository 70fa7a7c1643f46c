// How long to wait before the next try to connect.

/** The first wait, in milliseconds. A restarted daemon is back by then. */
export const FIRST_MS = 500;
/** No wait is longer, in milliseconds, without its jitter. */
export const LONGEST_MS = 15_000;

/**
 * The wait before try `attempt` (0 is the first), in milliseconds: doubles up to a bound, then up to a quarter less, so
 * that the panels of a house do not come back all at once. `random` is in 0..1.
 */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(FIRST_MS * 2 ** Math.min(attempt, 16), LONGEST_MS);
  return Math.round(full * (1 - random / 4));
}
