// What somebody has written and not saved: kept while the window is open, also over other pages and a reload.
import type { RouteSpec } from '../../api/types';

export interface Kept {
  /** Names the draft: the id of the route, or how a new one began. */
  key: string;
  /** Opens the editor with it. */
  query: Record<string, string>;
  /** As it was read from the daemon; missing for a new one. */
  base?: RouteSpec;
  etag: string;
  spec: RouteSpec;
  /** What was written as JSON and is none yet. */
  json?: string;
}

const PREFIX = 'fieldrail.route.';

function read(key: string): Kept | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? '') as Kept;
    return typeof kept.spec === 'object' && kept.spec !== null ? kept : undefined;
  } catch {
    return undefined;
  }
}

export const drafts = {
  of: (key: string): Kept | undefined => read(PREFIX + key),
  /** Where there is no room for it, leaving the window still asks. */
  keep(kept: Kept): void {
    try {
      sessionStorage.setItem(PREFIX + kept.key, JSON.stringify(kept));
    } catch {
      /* see above */
    }
  },
  drop: (key: string): void => sessionStorage.removeItem(PREFIX + key),
  all: (): Kept[] =>
    Object.keys(sessionStorage)
      .filter((key) => key.startsWith(PREFIX))
      .flatMap((key) => read(key) ?? []),
};
