// Who draws when: many charts share the time of a frame, so that no frame becomes long.

/** So much of a frame goes into curves. */
const BUDGET_MS = 1;
/** A curve that is drawn more often is not seen better. */
const REST_MS = 200;

const waiting = new Map<() => void, number>();
const drawnAt = new WeakMap<() => void, number>();
let planned = false;

/** Draws soon; asked for again before that it is drawn once. */
export function soon(draw: () => void): void {
  if (!waiting.has(draw)) waiting.set(draw, drawnAt.get(draw) ?? -Infinity);
  plan();
}

/** It is drawn no more. */
export function never(draw: () => void): void {
  waiting.delete(draw);
}

function plan(): void {
  if (planned) return;
  planned = true;
  requestAnimationFrame(turn);
}

function turn(): void {
  planned = false;
  const begun = performance.now();
  // Who waited longest comes first.
  for (const [draw, last] of [...waiting].sort((a, b) => a[1] - b[1])) {
    if (begun - last < REST_MS) continue;
    waiting.delete(draw);
    drawnAt.set(draw, begun);
    draw();
    if (performance.now() - begun > BUDGET_MS) break;
  }
  if (waiting.size > 0) plan();
}
