// Names of all lengths and scripts on every page: nothing is broken by them, and a page that loses its daemon or its session
// leads back to where one was.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESK, PHONE, becomes, enter, ownHouse, picture, tooWide, until } from './house.mjs';
import { places } from './pages.mjs';

/** What devices and people call things. */
const NAMES = {
  'one word of ten thousand letters': 'ä'.repeat(5_000) + 'W'.repeat(5_000),
  'ten thousand letters in words': 'Wärmepumpe im Keller '.repeat(480),
  'right to left': 'שלום עולם, מרתף 3 — جهاز التدفئة',
  'letters upon letters': 'Z̸̡̛a̷͜l̵g̶o̸ '.repeat(40),
  'only a blank': ' ',
  pictures: '🏠🔥💧'.repeat(30),
};
const names = Object.values(NAMES);
/** A page that shows some hundred names in full is no longer than this, in pixels. */
const MOST_TALL = 30_000;
/** A tag is at most this long, in bytes. */
const tags = names.map((name) => [...name].slice(0, 90).join('')).filter((tag) => tag.trim());
let house;

before(async () => {
  house = ownHouse([
    { id: 'scribe', name: names[0], driver: 'scribe', config: { strings: tags } },
    ...names.map((name, i) => ({ id: `v${i}`, name, driver: 'virtual' })),
    { id: 'nameless', name: '', driver: 'counter' },
  ]);
  const about = names.map((name, i) => [`calc.c${i}`, { name, unit: name.slice(0, 60), role: 'alarm' }]);
  house.put('datapoints.json', { datapoints: Object.fromEntries(about) });
  house.put('routing.json', { routes: names.map((description, i) => ({ id: `r${i}`, from: `v${i}.in`, to: `v${i}.out`, description })) });
  await house.start();
  for (const [i, value] of names.entries()) {
    await house.call('POST', '/api/router/data', { source_id: 'calc', tag: `c${i}`, value: true });
    await house.call('POST', '/api/router/data', { source_id: `v${i}`, tag: 'in', value });
  }
  await until('the alarms ring', async () => (await house.ask('GET', '/api/alarms')).items.length === names.length);
}, { timeout: 180_000 });
after(() => house?.close());

for (const [how, options] of Object.entries({ 'on a desk in English': DESK, 'on a phone in German': PHONE })) {
  test(`names of all lengths and scripts break no page, ${how}`, { timeout: 240_000 }, async () => {
    const { page, context, visit, settled, complaints } = await house.open(options);
    const found = [];
    for (const place of [...places, 'instances?logs=scribe', 'data?instance=scribe']) {
      await visit(place);
      await settled();
      for (const width of options === DESK ? [1440] : [390, 320]) {
        await page.setViewportSize({ width, height: 844 });
        const wide = await tooWide(page);
        if (wide > 0) found.push(`${place} is ${wide} px too wide at ${width}`);
        const tall = await page.evaluate(() => document.documentElement.scrollHeight);
        // The gallery has every widget in every state below one another.
        if (tall > MOST_TALL && !place.startsWith('gallery')) found.push(`${place} is ${tall} px tall at ${width}`);
      }
    }
    assert.deepEqual([...found, ...complaints], []);
    await visit('instances');
    await picture(page, `names-instances-${options.viewport.width}`);
    await context.close();
  });
}

test('who is logged out meanwhile logs in again and is where they were', { timeout: 180_000 }, async () => {
  for (const place of ['instances?search=v1&sort=cpu', 'panic']) {
    const { page, context, visit } = await enter(house, DESK, 'admin');
    await visit(place);
    await context.clearCookies();
    await page.getByText('Your session has ended').waitFor();
    await page.getByLabel('Name').fill('admin');
    await page.getByLabel('Password').fill('the admin of the house');
    await page.getByRole('button', { name: 'Log in' }).click();
    await until(`back at ${place}`, () => page.url() === `${house.origin}/#/${place}`);
    await context.close();
  }
});

test('a page outlives its daemon, and goes on where one was once it is back', { timeout: 240_000 }, async () => {
  const { port } = new URL(house.origin);
  house.put('fieldrail.json', { listen: `127.0.0.1:${port}` });
  const { context } = await enter(house, DESK, 'admin');
  const storageState = await context.storageState();
  const open = await Promise.all(['data', 'logs?tab=lines', 'panic'].map(async (place) => {
    const visitor = await house.open({ ...DESK, storageState }, { loggedIn: false });
    await visitor.visit(place);
    return { ...visitor, place };
  }));
  await house.stop('SIGKILL');
  const lamp = (page) => page.getByTestId('lamp').getAttribute('data-state');
  for (const { page, place } of open) await until(`${place} sees that its daemon is away`, async () => (await lamp(page)) !== 'live');
  for (const { page, place } of open) await becomes(() => page.locator('main h1').isVisible(), true, `${place} is gone with its daemon`);
  await house.start();
  for (const { page, place } of open) {
    await until(`${place} is live again`, async () => (await lamp(page)) === 'live');
    await becomes(() => page.url(), `${house.origin}/#/${place}`);
  }
});
