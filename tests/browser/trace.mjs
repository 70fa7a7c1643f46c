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

/** Just what is needed: a trace of every layout and paint would cost as much as they do. */
const CATEGORIES = ['toplevel', 'devtools.timeline.frame', 'disabled-by-default-devtools.timeline.frame', '__metadata'];

/**
 * The work of the page's main thread for each picture while `act` goes on, from where Chromium begins one to where it begins the
 * next, and its tasks, in milliseconds of processor time: others on the machine do not count. Where no picture was due, those
 * that there could have been count as idle ones.
 */
export async function trace(page, act = () => pause(TRACED_MS)) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: CATEGORIES } });
  await act();
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  await session.detach();
  const threadOf = ({ pid, tid }) => `${pid} ${tid}`;
  const mains = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(threadOf);
  const tasksOf = (thread) => events.filter((event) => event.ph === 'X' && event.name === 'ThreadControllerImpl::RunTask' && threadOf(event) === thread);
  // The renderer of the page is the busiest one; there may be a spare one.
  const thread = mains.sort((a, b) => tasksOf(b).length - tasksOf(a).length)[0];
  // A task within a task counts once.
  let end = 0;
  const tasks = tasksOf(thread).sort((a, b) => a.ts - b.ts).filter(({ ts, dur = 0 }) => ts >= end && ((end = ts + dur), true));
  const begins = events.filter((event) => event.name === 'BeginMainThreadFrame' && threadOf(event) === thread).map(({ ts }) => ts).sort((a, b) => a - b);
  if (tasks.length === 0 || begins.length < 2) throw new Error('the trace holds no picture of the page');
  const work = begins.map(() => 0);
  let at = -1;
  for (const { ts, dur = 0, tdur = dur } of tasks) {
    // A picture begins within its task.
    while (at + 1 < begins.length && begins[at + 1] <= ts + dur) at += 1;
    if (at >= 0) work[at] += tdur / 1_000;
  }
  const idle = begins.slice(1).reduce((sum, begin, n) => sum + Math.max(0, Math.round((begin - begins[n]) / 1_000 / FRAME_MS) - 1), 0);
  // The last one may not have been seen to its end.
  const frames = [...Array.from({ length: idle }, () => 0), ...work.slice(0, -1)].sort((a, b) => a - b);
  const lengths = tasks.map(({ dur = 0, tdur = dur }) => tdur / 1_000).sort((a, b) => a - b);
  const traced = (tasks.at(-1).ts - tasks[0].ts) / 1_000;
  return { frames, longest: lengths.at(-1), long: lengths.filter((n) => n > LONG_MS).length, busy: lengths.reduce((a, b) => a + b, 0) / traced };
}
