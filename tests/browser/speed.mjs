// How fast the web admin is in Chromium, measured: the first load, two hundred instances live, the memory of the tab.
// `node speed.mjs [--only first,live,memory] [--minutes 3] [--instances 200] [--dry]`. Writes these parts of benches/WEB.md, unless
// it is a dry run.
import { parseArgs } from 'node:util';
import { box, keep, table } from './kept.mjs';

const { values: asked } = parseArgs({
  options: {
    only: { type: 'string', default: 'first,live,memory' },
    minutes: { type: 'string', default: '3' },
    instances: { type: 'string', default: '200' },
    dry: { type: 'boolean', default: false },
  },
});
const { DESK, ownHouse, pause, until } = await import('./house.mjs');
const { LONG_MS, TRACED_MS, median, ms, quantile, trace } = await import('./trace.mjs');

const LOADS = 7;
const BETWEEN_MS = 10_000;
const count = Number(asked.instances);
const minutes = Number(asked.minutes);

const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Runs in the page before it: notes when the first instance could be used. */
function noteFirst() {
  new MutationObserver((_, observer) => {
    if (!document.querySelector('[data-testid^="instance-"] button:not(:disabled)')) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => (globalThis.__usable = performance.now())));
  }).observe(document, { childList: true, subtree: true });
}

/** From nothing in the cache until a button of an instance can be pressed. */
async function firstLoads(house) {
  const times = [];
  let bytes = 0;
  for (let i = 0; i < LOADS; i += 1) {
    const { page, context } = await house.open(DESK);
    await page.addInitScript(noteFirst);
    await page.goto(`${house.origin}/#/instances`);
    times.push(await page.waitForFunction(() => globalThis.__usable, undefined, { timeout: 30_000 }).then((found) => found.jsonValue()));
    bytes = await page.evaluate(() => performance.getEntriesByType('resource').reduce((sum, { encodedBodySize, name }) => sum + (/assets/.test(name) ? encodedBodySize : 0), 0));
    await context.close();
  }
  return { times: times.sort((a, b) => a - b), bytes };
}

/** Memory of the page over time, each time after what is no longer needed was collected. */
async function memory(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const readings = [];
  const begun = Date.now();
  while (readings.length < 2 || Date.now() - begun < minutes * 60_000) {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    readings.push({ minute: (Date.now() - begun) / 60_000, heap: of('JSHeapUsedSize'), nodes: of('Nodes'), listeners: of('JSEventListeners') });
    await pause(BETWEEN_MS);
  }
  return readings;
}

/** By how much the heap grows an hour, as the line through the readings of the later half has it. */
function growth(readings) {
  const later = readings.slice(Math.floor(readings.length / 2));
  const mean = (all) => all.reduce((a, b) => a + b, 0) / all.length;
  const [x, y] = [mean(later.map(({ minute }) => minute)), mean(later.map(({ heap }) => heap))];
  const over = later.reduce((sum, one) => sum + (one.minute - x) * (one.heap - y), 0);
  const under = later.reduce((sum, one) => sum + (one.minute - x) ** 2, 0);
  return under === 0 ? 0 : (over / under) * 60;
}

/** A line through a few minutes says nothing of an hour. */
const ENOUGH_MINUTES = 10;

function told(readings) {
  const [half, last] = [readings[Math.floor(readings.length / 2)], readings.at(-1)];
  const line = minutes >= ENOUGH_MINUTES ? `; by the line through the later half it grows by ${mb(growth(readings))} an hour` : '; too short a run to say what an hour does';
  return `${mb(half.heap)} at half time, ${mb(last.heap)} at the end${line}`;
}

const ids = Array.from({ length: count }, (_, i) => `count${String(i).padStart(3, '0')}`);
const wanted = new Set(asked.only.split(','));
const write = (title, text) => asked.dry || keep(title, text);

/** The whole house on the page of the instances: what that costs, and what it keeps. */
async function live() {
  const house = ownHouse(ids.map((id) => ({ id, driver: 'counter' })));
  try {
    await house.start();
    const running = async () => (await house.ask('GET', '/api/admin/instances')).items.filter(({ state }) => state === 'running').length;
    let n = 0;
    for (const end = Date.now() + 240_000; (n = await running()) < count && Date.now() < end; ) await pause(1_000);
    console.log(`${n} of ${count} instances run`);
    const { page, visit } = await house.open(DESK);
    await visit('instances');
    await until('all tiles', async () => (await page.locator('article').count()) === count);
    if (wanted.has('live')) await layouts(page, n);
    if (wanted.has('memory')) await hour(page);
  } finally {
    await house.close();
  }
}

async function layouts(page, n) {
  const parts = [];
  for (const layout of ['Table', 'Tiles']) {
    await page.getByRole('radio', { name: layout }).check({ force: true });
    await until('all rows', async () => (await page.locator('[data-testid^="instance-count"]').count()) === count);
    await pause(3_000);
    const traced = await trace(page);
    parts.push([`${count} instances as ${layout.toLowerCase()}`, ms(quantile(traced.frames, 0.5)), ms(quantile(traced.frames, 0.95)), ms(quantile(traced.frames, 0.99)), ms(traced.longest), String(traced.long), `${(traced.busy * 100).toFixed(0)} %`]);
    console.log(parts.at(-1).join(' | '));
  }
  write(`${count} instances, live at 1 Hz`, `${box}. ${n} of ${count} ran, each a process that counts once a second. Processor time of the page's main thread for each picture over ${TRACED_MS / 1_000} s, idle ones too; long tasks are those over ${LONG_MS} ms.\n\n${table(
    ['page', 'p50', 'p95', 'p99', 'longest task', 'long tasks', 'main thread busy'], parts,
  )}`);
}

async function hour(page) {
  const readings = await memory(page);
  console.log(`memory: ${told(readings)}`);
  write('Memory of the tab', `${box}. The page of ${count} instances as tiles for ${minutes} min, read every ${BETWEEN_MS / 1_000} s after a collection: ${told(readings)}.\n\n${table(
    ['minute', 'heap', 'nodes', 'listeners'],
    readings.filter((_, i) => i % Math.ceil(readings.length / 10) === 0 || i === readings.length - 1).map((one) => [one.minute.toFixed(1), mb(one.heap), String(one.nodes), String(one.listeners)]),
  )}`);
}

async function first() {
  const house = ownHouse(ids.slice(0, 5).map((id) => ({ id, driver: 'counter' })));
  let loads;
  try {
    await house.start();
    await until('they run', async () => (await house.ask('GET', '/api/admin/instances')).items.every(({ state }) => state === 'running'));
    loads = await firstLoads(house);
  } finally {
    await house.close();
  }
  console.log(`first load: ${ms(median(loads.times))}, ${ms(loads.times.at(-1))} at the worst, ${(loads.bytes / 1e3).toFixed(0)} kB`);
  write('First load', `${box}. From an empty cache over loopback until a button of the first instance can be pressed, ${LOADS} times.\n\n${table(
    ['asked for', 'median', 'worst'], [['≤ 1 s', ms(median(loads.times)), ms(loads.times.at(-1))]],
  )}\n\nAll files of the admin that are fetched by then and while nothing else is to do: ${(loads.bytes / 1e3).toFixed(0)} kB compressed. The build holds the first load itself to 150 kB.`);
}

if (wanted.has('first')) await first();
if (wanted.has('live') || wanted.has('memory')) await live();
