// How fast dashboards are in Chromium, measured: five hundred live widgets, ten full charts, a page of fifty that opens, and
// how long after the press on a switch of the demo house its lamp is seen.
// `node dashboards-speed.mjs [--dry]`. Writes its part of benches/WEB.md, unless it is a dry run.
import { parseArgs } from 'node:util';
import { box, keep, table } from './kept.mjs';

const { values: asked } = parseArgs({ options: { dry: { type: 'boolean', default: false } } });
const { DESK, demoHouse, ownHouse, pause, until } = await import('./house.mjs');
const { LONG_MS, TRACED_MS, median, ms, quantile, trace } = await import('./trace.mjs');

const WIDGETS = 500;
const HERTZ = 10;
const CHARTS = 10;
const POINTS = 10_000;
/** So that the house has all of them within a minute and a half. */
const FILLING_HERTZ = 125;
/** Leaves of which ten are numbers. */
const TRIED = 40;
const OPENED = 50;
const OPENS = 7;
const PRESSES = 20;
/** A lamp on MQTT whose state comes by a route, and one of the PLC that a pulse switches. */
const LAMPS = ['kitchen_light', 'kitchen_ceiling'];
/** Large enough that all of them are on the screen. */
const WALL = { ...DESK, viewport: { width: 3840, height: 2160 } };

const limits = { max_pps: 50_000, memory_mb: 512 };
const house = ownHouse([
  { id: 'many', driver: 'forest', config: { folders: 1, leaves: WIDGETS, per_second: WIDGETS * HERTZ, step_s: 1 / HERTZ }, limits },
  { id: 'few', driver: 'forest', config: { folders: 1, leaves: TRIED, per_second: TRIED * FILLING_HERTZ, step_s: 1 / FILLING_HERTZ }, limits },
]);
const tag = (instance, n) => `${instance}.folder_000/tag_${String(n).padStart(4, '0')}`;

/** A page with so many widgets, side by side. */
async function page(id, widgets, columns) {
  await house.call('POST', '/api/dashboards', { id, name: id, grids: { wall: { columns } } });
  const steps = widgets.map((widget) => ({ add: { dashboard: id, ...widget } }));
  const { status, json } = await house.call('POST', '/api/widgets/batch', { steps });
  if (status !== 200) throw new Error(JSON.stringify(json));
}

/** Runs in the page: from the press on the link of a page to the picture in which all its widgets know their values. */
function opened({ id, count }) {
  return new Promise((resolve) => {
    const begun = performance.now();
    const watcher = new MutationObserver(look);
    watcher.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-truth'] });
    document.querySelector(`a[href*="id=${id}"]`).click();
    function look() {
      if (document.querySelectorAll('[data-testid^="widget-o"][data-truth="good"]').length < count) return;
      watcher.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
    }
  });
}

/** Runs in the page: from the press on a switch to the picture in which it shows what its lamp says. */
function pressed(id) {
  return new Promise((resolve) => {
    const button = document.querySelector(`[data-testid="widget-${id}"] [role="switch"]`);
    const before = button.getAttribute('aria-checked');
    const begun = performance.now();
    const watcher = new MutationObserver(() => {
      if (button.getAttribute('aria-checked') === before) return;
      watcher.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
    });
    watcher.observe(button, { attributes: true, attributeFilter: ['aria-checked'] });
    button.click();
  });
}

/** In the demo house, how long each of so many presses took, the shortest first. */
async function presses() {
  const demo = await demoHouse();
  try {
    const { page: desk } = await demo.open(DESK);
    await desk.goto(`${demo.origin}/#/dashboards?id=ground`);
    const all = [];
    for (const id of LAMPS) {
      const knob = desk.locator(`[data-testid="widget-${id}"][data-truth="good"] [role="switch"][aria-busy="false"]:enabled`);
      for (let n = 0; n < PRESSES; n += 1) {
        await knob.waitFor();
        await pause(500);
        all.push(await desk.evaluate(pressed, id));
      }
    }
    return all.sort((a, b) => a - b);
  } finally {
    await demo.close();
  }
}

const row = (what, traced) => [what, ms(quantile(traced.frames, 0.5)), ms(quantile(traced.frames, 0.95)), ms(quantile(traced.frames, 0.99)), ms(traced.longest), String(traced.long), `${(traced.busy * 100).toFixed(0)} %`];

try {
  await house.start();
  await until('the trees run', async () => (await house.ask('GET', '/api/admin/instances')).items.every(({ state }) => state === 'running'));
  const kinds = ['value', 'bar', 'gauge', 'value'];
  await page('live', Array.from({ length: WIDGETS }, (_, n) => ({
    id: `w${n}`, kind: kinds[n % kinds.length], title: `value ${n}`, bindings: { value: { address: tag('many', n) } }, layout: { wall: { x: n % 25, y: Math.floor(n / 25), w: 1, h: 1 } },
  })), 25);
  const numbers = [];
  for (let n = 0; n < TRIED && numbers.length < CHARTS; n += 1) {
    const point = await until(`a value of ${tag('few', n)}`, () => house.datapoint(tag('few', n)));
    if (typeof point.value === 'number') numbers.push(tag('few', n));
  }
  await page('charts', numbers.map((address, n) => ({
    id: `c${n}`, kind: 'chart', title: `curve ${n}`, options: { span: 'ten_minutes' }, bindings: { value_1: { address } }, layout: { wall: { x: (n % 2) * 6, y: Math.floor(n / 2) * 4, w: 6, h: 4 } },
  })), 12);
  await page('open', Array.from({ length: OPENED }, (_, n) => ({
    id: `o${n}`, kind: kinds[n % kinds.length], title: `value ${n}`, bindings: { value: { address: tag('many', n) } }, layout: { wall: { x: (n % 10) * 2, y: Math.floor(n / 10) * 2, w: 2, h: 2 } },
  })), 20);

  const { page: wall } = await house.open(WALL);
  await wall.goto(`${house.origin}/#/dashboards?id=live&kiosk=1`);
  await wall.waitForFunction((count) => document.querySelectorAll('[data-truth="good"]').length === count, WIDGETS, { timeout: 60_000 });
  await pause(3_000);
  // How often the values that are shown change, as a person would count it.
  const changes = await wall.evaluate(() => new Promise((resolve) => {
    let count = 0;
    const watcher = new MutationObserver((all) => (count += all.filter(({ type }) => type === 'characterData').length));
    watcher.observe(document.body, { subtree: true, characterData: true });
    setTimeout(() => (watcher.disconnect(), resolve(count / 5)), 5_000);
  }));
  const { rate_in: rate } = (await house.ask('GET', '/api/admin/instances')).items.find(({ id }) => id === 'many');
  const parts = [row(`${WIDGETS} live widgets, ${Math.round(rate)} values and ${Math.round(changes)} changed texts a second`, await trace(wall))];
  console.log(parts.at(-1).join(' | '));

  const full = async () => {
    const { values } = await house.ask('GET', `/api/datapoint/columns?points=800&address=${encodeURIComponent(numbers.at(-1))}`);
    return values >= POINTS && values;
  };
  let values = 0;
  for (const end = Date.now() + 300_000; !(values = await full()) && Date.now() < end; ) await pause(2_000);
  await wall.goto(`${house.origin}/#/dashboards?id=charts&kiosk=1`);
  await wall.waitForFunction((count) => document.querySelectorAll('[data-testid="chart"] .high').length === count, CHARTS, { timeout: 30_000 });
  await pause(3_000);
  parts.push(row(`${CHARTS} charts of ${values} values each, live`, await trace(wall)));
  console.log(parts.at(-1).join(' | '));
  await wall.context().close();

  const { page: desk } = await house.open(DESK);
  await desk.goto(`${house.origin}/#/dashboards?id=charts`);
  const times = [];
  for (let n = 0; n < OPENS; n += 1) {
    await desk.locator('[data-testid="chart"]').first().waitFor();
    await pause(1_000);
    times.push(await desk.evaluate(opened, { id: 'open', count: OPENED }));
    await desk.locator('a[href*="id=charts"]').click();
  }
  times.sort((a, b) => a - b);
  console.log(`a page of ${OPENED} widgets opens: ${ms(median(times))}, ${ms(times.at(-1))} at the worst`);
  const waits = await presses();
  const seen = `median ${ms(median(waits))}, worst ${ms(waits.at(-1))}`;
  console.log(`from the press to the lamp: ${seen}`);
  if (!asked.dry) {
    keep('Dashboards', `${box}. Processor time of the page's main thread for each picture over ${TRACED_MS / 1_000} s, idle ones too; long tasks are those over ${LONG_MS} ms. Asked for: p95 ≤ 8 ms.\n\n${table(
      ['page', 'p50', 'p95', 'p99', 'longest task', 'long tasks', 'main thread busy'], parts,
    )}\n\nA page of ${OPENED} widgets, from the press on its link until each knows its value, ${OPENS} times: median ${ms(median(times))}, worst ${ms(times.at(-1))}. Asked for: ≤ 500 ms.\n\nFrom the press on a switch of the demo house, a lamp on MQTT and one of the PLC, to the picture in which it shows what its lamp says, ${waits.length} times: ${seen}. Asked for: ≤ 150 ms.`);
  }
} finally {
  await house.close();
}
