// The figures of the data page, measured in Chromium: `node figures.mjs`. A house with a tree of 100,000 nodes in which 5,000 values
// change each second. Prints them and writes its part of benches/WEB.md; MINUTES=60 looks at the tab's memory for longer.
import { box, keep, table } from './kept.mjs';

const { DESK, ownHouse, pause, until } = await import('./house.mjs');
const { LONG_MS, median, quantile, trace } = await import('./trace.mjs');

const FOLDERS = 100;
const LEAVES = 1_000;
const RATE = 5_000;
const TRACE_S = 10;
const MINUTES = Number(process.env.MINUTES ?? 2);

const house = ownHouse([
  { id: 'forest', driver: 'forest', config: { folders: FOLDERS, leaves: LEAVES, per_second: RATE }, limits: { max_pps: 50_000, memory_mb: 512 } },
]);
const round = (n, digits = 1) => Number(n.toFixed(digits));
const said = [];
function say(what, figure) {
  console.log(`${what.padEnd(64)} ${figure}`);
  said.push([what.trim(), String(figure)]);
}

try {
  await house.start();
  await until('the forest is connected', async () =>
    (await house.ask('GET', '/api/admin/instances')).items[0]?.state === 'running');
  const { page, visit } = await house.open(DESK);
  const session = await page.context().newCDPSession(page);
  await visit('data');
  const tree = page.getByRole('tree');
  await tree.waitFor();
  const rows = () => tree.getAttribute('data-rows').then(Number);

  // The first row of a tree: from the key to the picture that has it.
  const firstRow = [];
  for (let tries = 0; tries < 10; tries += 1) {
    await tree.focus();
    await page.keyboard.press('Home');
    firstRow.push(await page.evaluate(measured, { key: 'ArrowRight', selector: '[role=treeitem][aria-level="2"]' }));
    await page.keyboard.press('ArrowLeft');
    await page.locator('[role=treeitem][aria-level="2"]').first().waitFor({ state: 'detached' });
    // A fresh tree: what was folded is told again at once.
    await page.reload();
    await tree.waitFor();
  }
  firstRow.sort((a, b) => a - b);
  say('First row of an unfolded tree, ms (median, worst of 10)', `${round(median(firstRow))}, ${round(firstRow.at(-1))}`);

  // All 100,000 unfolded: the star unfolds all siblings.
  await tree.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await page.getByRole('treeitem', { name: 'folder_000' }).waitFor();
  await page.keyboard.press('ArrowDown');
  const begun = Date.now();
  await page.keyboard.press('*');
  await until('all nodes are there', async () => (await rows()) >= FOLDERS * LEAVES);
  say('All 100,000 nodes unfolded, s', `${round((Date.now() - begun) / 1000)} (${await rows()} rows, ${await page.getByRole('treeitem').count()} elements)`);
  await page.keyboard.press('ArrowDown');
  await page.locator('[data-quality="good"]').nth(20).waitFor({ timeout: 20_000 });

  // Work on the main thread while 5,000 values change each second and those on the screen are among them.
  const { items } = await house.ask('GET', '/api/admin/instances');
  await report('standing still', async () => pause(TRACE_S * 1000));
  await report('scrolling', async () => {
    for (let n = 0; n < TRACE_S * 10; n += 1) {
      await page.mouse.move(700, 500);
      await page.mouse.wheel(0, n % 20 < 10 ? 400 : -400);
      await pause(100);
    }
  });
  say('Values a second that the instance sends', round(items[0].rate_in, 0));

  // The tab's memory while all this goes on.
  const used = async () => {
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize / 1e6;
  };
  await pause(5_000);
  const first = await used();
  await pause(MINUTES * 60_000);
  const last = await used();
  say(`Heap of the tab, MB (now, after ${MINUTES} min)`, `${round(first)}, ${round(last)}`);

  // A search through all of them: from the last letter to the picture with the result.
  const searches = [];
  for (const text of ['kuche', 'tag_0999', 'folder_05', 'value 7', 'HERD', 'Küchenlicht', 'forest', '42 of', 'tag_00', 'über']) {
    await page.getByRole('searchbox').focus();
    await page.evaluate(() => (document.querySelector('input[type=search]').value = ''));
    // As a person does who reads what was found before the next search.
    await pause(1_000);
    searches.push(await page.evaluate(measured, { text, selector: '[data-testid=found][data-waits=false]' }));
    await page.getByRole('searchbox').fill('');
    await page.getByTestId('found').waitFor({ state: 'detached' });
  }
  searches.sort((a, b) => a - b);
  say('Search through all of them until all have answered, ms (median, worst of 10)', `${round(median(searches))}, ${round(searches.at(-1))}`);
  keep('A tree of 100,000 nodes', `${box}. ${RATE} values of it change each second, those on the screen among them. Work is processor time of the page's main thread, from the begin of one picture to that of the next. Asked for: first row ≤ 300 ms, search ≤ 100 ms, p95 ≤ 8 ms.\n\n${table(['what', 'measured'], said)}`);

  /** Traces while something goes on, and prints how much the main thread works for each picture. */
  async function report(what, act) {
    const { frames, long } = await trace(page, act);
    const of = (share) => round(quantile(frames, share));
    say(`Main thread for each of ${frames.length} pictures, ${what}, ms (p50, p95, worst)`, `${of(0.5)}, ${of(0.95)}, ${of(1)}`);
    if (long > 0) say(`  tasks over ${LONG_MS} ms`, long);
  }
} finally {
  await house.close();
}

/** In the page: presses a key or types a text, and counts until the picture that has what is looked for. */
function measured({ key, text, selector }) {
  return new Promise((resolve) => {
    const begun = performance.now();
    const watcher = new MutationObserver(look);
    watcher.observe(document.body, { subtree: true, childList: true, attributes: true });
    const target = document.activeElement;
    if (key) target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    else {
      target.value = text;
      target.dispatchEvent(new InputEvent('input', { bubbles: true }));
    }
    look();
    function look() {
      if (!document.querySelector(selector)) return;
      watcher.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
    }
  });
}
