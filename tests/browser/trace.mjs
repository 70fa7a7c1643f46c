// What the main thread of a page has to do, traced in Chromium.
import { pause } from './house.mjs';

/** So long a piece of the trace is. */
export const TRACED_MS = 20_000;
export const FRAME_MS = 1_000 / 60;
/** Beyond that a task is felt. */
export const LONG_MS = 50;

export const ms = (n) => `${n < 10 ? n.toFixed(1) : Math.round(n)} ms`;
export const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
export const median = (all) => quantile([...all].sort((a, b) => a - b), 0.5);

/** The work of the page's main thread in each sixtieth of a second while something goes on, and its tasks, in milliseconds of
 * processor time: others on the machine do not count. `wall` is the same by the clock on the wall. */
export async function trace(page, act = () => pause(TRACED_MS)) {
  const { events, spanMs } = await record(page, act);
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`);
  const tasks = events.filter(({ name, ph, pid, tid }) => ph === 'X' && /RunTask$/.test(name) && threads.includes(`${pid} ${tid}`));
  // The renderer of the page; there may be a spare one.
  const pids = [...new Set(tasks.map(({ pid }) => pid))];
  const of = (wanted) => tasks.filter(({ pid }) => pid === wanted);
  const inOrder = pids.map(of).sort((a, b) => b.length - a.length)[0]?.sort((a, b) => a.ts - b.ts) ?? [];
  // A task within a task counts once.
  let end = 0;
  const busiest = inOrder.filter(({ ts, dur = 0 }) => ts >= end && ((end = ts + dur), true)).map(({ ts, dur = 0, tdur = dur }) => ({ ts, dur, tdur }));
  if (busiest.length === 0) throw new Error('the trace holds no task of the page');
  const perFrame = (length) => {
    const frames = new Map();
    for (const task of busiest) {
      const frame = Math.floor(task.ts / 1_000 / FRAME_MS);
      frames.set(frame, (frames.get(frame) ?? 0) + task[length] / 1_000);
    }
    const worked = [...frames.values()];
    const idle = Math.max(0, Math.ceil(spanMs / FRAME_MS) - worked.length);
    return [...Array.from({ length: idle }, () => 0), ...worked].sort((a, b) => a - b);
  };
  const lengths = busiest.map(({ tdur }) => tdur / 1_000).sort((a, b) => a - b);
  return {
    frames: perFrame('tdur'),
    wall: perFrame('dur'),
    longest: lengths.at(-1),
    long: lengths.filter((n) => n > LONG_MS).length,
    busy: lengths.reduce((a, b) => a + b, 0) / spanMs,
  };
}

/** The events of Chromium while something goes on, and how long that took. */
async function record(page, act) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel', 'disabled-by-default-devtools.timeline', 'devtools.timeline', '__metadata'] } });
  const begun = performance.now();
  await act();
  const spanMs = performance.now() - begun;
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  await session.detach();
  return { events, spanMs };
}
