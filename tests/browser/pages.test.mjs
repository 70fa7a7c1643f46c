// What holds for every page there is, with the demo house: nothing serious for axe-core, nothing wider than its window from a
// small phone to a wall, everything reached by keyboard and seen when it is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESK, PHONE, barriers, demoHouse, tooWide, until } from './house.mjs';
import { places, views } from './pages.mjs';

/** From a small phone to a wall panel of 4 K. */
const WIDTHS = [320, 390, 1440, 3840];
/** Where axe-core looks, since it looks long: a phone and a desk, each in both themes. */
const LOOKED_AT = [390, 1440];
/** Both themes and both languages. */
const VISITORS = { 'light and English': DESK, 'dark and German': PHONE };
/** More would be a page that holds the keyboard. */
const MOST_TABS = 600;
let house;

before(async () => {
  house = await demoHouse();
  await until('all run', async () => (await house.ask('GET', '/api/admin/instances')).items.every(({ state }) => state === 'running'));
}, { timeout: 180_000 });
after(() => house?.close());

/** Opens a place and waits until it has all that it shows. */
async function settle({ visit, settled }, place) {
  await visit(place);
  await settled();
}

for (const [how, options] of Object.entries(VISITORS)) {
  test(`no page has a barrier or is too wide, ${how}`, { timeout: 360_000 }, async () => {
    const visitor = await house.open(options);
    const { page, context, complaints } = visitor;
    const found = [];
    for (const place of [...places, ...views]) {
      await settle(visitor, place);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        const wide = await tooWide(page);
        if (wide > 0) found.push(`${place} is ${wide} px too wide at ${width}`);
        if (LOOKED_AT.includes(width)) found.push(...(await barriers(page)).map((line) => `${place} at ${width}: ${line}`));
      }
      found.push(...complaints.splice(0).map((line) => `${place} complains: ${line}`));
    }
    assert.deepEqual(found, []);
    await context.close();
  });
}

/** Runs in the page: what the Tab key has to reach, and what only a mouse would. */
function controls() {
  // Behind a dialog nothing is to be reached.
  const within = [...document.querySelectorAll('dialog:modal')].at(-1) ?? document;
  const visible = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const tabbable = 'a[href], button, input, select, textarea, summary, [tabindex]';
  const is = (one) => one.matches(tabbable) && !one.disabled && one.tabIndex >= 0 && !one.closest('[inert]');
  const all = [...within.querySelectorAll(tabbable)].filter((one) => is(one) && visible(one));
  const describe = (one) => `${one.tagName.toLowerCase()} ${one.getAttribute('aria-label') ?? one.textContent.trim().slice(0, 40)}`;
  const pointed = [...within.querySelectorAll(within === document ? 'main *, header *' : '*')].filter((one) => {
    const points = (element) => getComputedStyle(element).cursor === 'pointer';
    if (!visible(one) || !points(one) || (one.parentElement && points(one.parentElement))) return false;
    return !one.closest(`${tabbable}, label`) && !one.querySelector(tabbable);
  });
  return {
    // Of a group of radio buttons the Tab key reaches one.
    tabs: all.filter((one) => one.type !== 'radio').map((one) => ((globalThis.__known ??= new Map()).set(one, describe(one)), describe(one))),
    positive: all.filter((one) => one.tabIndex > 0).map(describe),
    pointed: pointed.map(describe),
  };
}

/** Runs in the page after each Tab: notes who has the focus and whether that is seen. False once it goes round. */
function step() {
  const one = document.activeElement;
  const reached = (globalThis.__reached ??= new Set());
  const hidden = (globalThis.__hidden ??= []);
  if (!one || one === document.body) return reached.size === 0;
  if (reached.has(one)) return false;
  reached.add(one);
  const outlined = (element) => [undefined, '::before', '::after'].some((part) => isOutlined(element, part));
  const isOutlined = (element, part) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element, part);
    return (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0) || /inset/.test(boxShadow);
  };
  const seen = [one, one.closest('label'), one.parentElement].some((element) => element && outlined(element));
  if (!seen) hidden.push(`${one.tagName.toLowerCase()} ${one.getAttribute('aria-label') ?? one.textContent.trim().slice(0, 40)}`);
  return true;
}

test('the Tab key reaches every control of every page, and one sees where one is', { timeout: 360_000 }, async () => {
  const visitor = await house.open(DESK);
  const { page, context } = visitor;
  const found = [];
  for (const place of [...places, ...views]) {
    // A new document: the keyboard begins at its top.
    await page.goto('about:blank');
    await settle(visitor, place);
    const { positive, pointed, tabs } = await page.evaluate(controls);
    // A dialog has the focus already.
    await page.evaluate(step);
    for (let i = 0; i < MOST_TABS; i += 1) {
      await page.keyboard.press('Tab');
      if (!(await page.evaluate(step))) break;
    }
    const { missed, hidden, count } = await page.evaluate(() => ({
      missed: [...globalThis.__known].filter(([one]) => one.isConnected && !globalThis.__reached.has(one)).map(([, name]) => name),
      hidden: globalThis.__hidden,
      count: globalThis.__reached.size,
    }));
    assert.ok(count > 1 && tabs.length > 1, `${place}: the Tab key reaches ${count} of ${tabs.length}`);
    const say = (what, list) => list.map((name) => `${place}: ${what}: ${name}`);
    found.push(...say('positive tabindex', positive), ...say('only for a mouse', pointed), ...say('not reached', missed), ...say('focus not seen', hidden));
  }
  assert.deepEqual(found, []);
  await context.close();
});
