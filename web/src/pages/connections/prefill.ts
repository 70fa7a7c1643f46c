// What a search has found, on its way into a form on another page.

const waiting = new Map<string, Record<string, unknown>>();

export const prefill = {
  put(key: string, config: Record<string, unknown>): void {
    waiting.set(key, config);
  },

  /** Takes it; the next form at this place begins empty again. */
  take(key: string): Record<string, unknown> | undefined {
    const found = waiting.get(key);
    waiting.delete(key);
    return found;
  },
};
