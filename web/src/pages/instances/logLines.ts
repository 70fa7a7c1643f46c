// The lines of a log on the screen: in order, none twice, and not without end.
import type { LogEntry, LogLevel } from '../../api/types';

/** Older lines beyond this leave the screen while it follows. */
export const MOST_LINES = 2_000;

/** From the worst. */
const LEVELS: LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace'];

/** Whether `level` is as bad as `least` or worse. */
export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return LEVELS.indexOf(level) <= LEVELS.indexOf(least);
}

/** `lines` with `more` put in, newest last; the oldest go. */
export function joinLines(lines: LogEntry[], more: LogEntry[], most = MOST_LINES): LogEntry[] {
  const byId = new Map(lines.map((line) => [line.id, line]));
  for (const line of more) byId.set(line.id, line);
  if (byId.size === lines.length) return lines;
  return [...byId.values()].sort((a, b) => a.time_ms - b.time_ms || a.id - b.id).slice(-most);
}

/** The fields of a line as `key=value`. */
export function fieldsText(fields: Record<string, unknown> = {}): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
