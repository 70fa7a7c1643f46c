// Whether a page that misses a part of itself may begin anew: not over and over, should the part be missing for good.
const KEY = 'fieldrail.anew';
const APART_MS = 20_000;

/** True once within {@link APART_MS}; remembered over the reload. Without a memory never. */
export function mayBeginAnew(memory: Pick<Storage, 'getItem' | 'setItem'> = sessionStorage, nowMs = Date.now()): boolean {
  try {
    const passedMs = nowMs - Number(memory.getItem(KEY) ?? 0);
    if (passedMs >= 0 && passedMs < APART_MS) return false;
    memory.setItem(KEY, String(nowMs));
    return true;
  } catch {
    return false;
  }
}
