// The instances page in headless Chromium: what each button does is looked up through the API.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { DESK, PHONE, barriers, becomes, enter, ownHouse, picture, tooWide, until } from './house.mjs';

const LONG = 'ä'.repeat(10_000);
let house;

before(async () => {
  house = ownHouse([
    { id: 'counter', name: 'Zähler', driver: 'counter' },
    { id: 'quick', driver: 'counter', config: { every_s: 0.02 }, limits: { max_pps: 55, memory_mb: 200 } },
    { id: 'flood', driver: 'rogue', config: { mode: 'flood' }, limits: { max_pps: 50 } },
    { id: 'faller', driver: 'faller', health: { auto_restart: false }, config: { how: 'exit', host: 'a', password: 'b', api_key: 'c' } },
    { id: 'long', name: LONG, driver: 'counter', enabled: false },
    { id: 'hebrew', name: '<b>‏שלום</b>', driver: 'counter' },
  ]);
  await house.start();
}, { timeout: 180_000 });
afterEach(() => house?.closePages());
after(() => house?.close());

const instance = async (id) => (await house.ask('GET', '/api/admin/instances')).items.find((one) => one.id === id);
const stateIs = (id, state) => until(`${id} is ${state}`, async () => (await instance(id)).state === state);
const tile = (page, id) => page.getByTestId(`instance-${id}`);
const names = (page) => page.locator('[data-testid^="instance-"]').evaluateAll((all) => all.map((one) => one.dataset.testid.slice(9)));

test('every button of a tile does what it says', { timeout: 180_000 }, async () => {
  const { page, visit, complaints } = await house.open(DESK);
  await visit('instances');
  const button = (name) => tile(page, 'counter').getByRole('button', { name });
  await stateIs('counter', 'running');
  const first = (await instance('counter')).pid;
  await button('Restart: Zähler').click();
  await until('another process', async () => { const { pid } = await instance('counter'); return pid && pid !== first; });
  await stateIs('counter', 'running');
  await button('Detach: Zähler').click();
  await until('it is detached', async () => (await instance('counter')).detached);
  await button('Attach: Zähler').click();
  await until('it is attached', async () => !(await instance('counter')).detached);
  await button('Stop: Zähler').click();
  await stateIs('counter', 'stopped');
  await becomes(async () => (await instance('counter')).enabled, false);
  await tile(page, 'counter').getByText('was stopped').waitFor();
  await button('Start: Zähler').click();
  await stateIs('counter', 'running');
  const second = (await instance('counter')).pid;
  await button('Kill: Zähler').click();
  const question = page.getByRole('dialog', { name: 'Kill Zähler?' });
  await question.getByRole('button', { name: 'Cancel' }).click();
  await becomes(async () => (await instance('counter')).pid, second, 'who cancels kills nobody');
  await button('Kill: Zähler').click();
  await question.getByRole('button', { name: 'Kill' }).click();
  await until('the process is gone', async () => (await instance('counter')).pid !== second);
  await button('Logs: Zähler').click();
  await page.getByRole('dialog', { name: 'Logs of Zähler' }).getByText('console asked for: kill.').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  const edit = tile(page, 'counter').getByRole('link', { name: 'Edit connection: Zähler' });
  await becomes(() => edit.getAttribute('href'), '#/connections?edit=counter');
  assert.deepEqual(complaints, []);
});

test('limits and health are set in place, and a lost race loses nothing that was typed', { timeout: 180_000 }, async () => {
  const { page, visit } = await house.open(DESK);
  await visit('instances');
  await stateIs('quick', 'running');
  const { pid } = await instance('quick');
  await page.getByTestId('details-quick').locator('summary').click();
  await page.getByTestId('limits-quick').click();
  const dialog = page.getByRole('dialog', { name: 'Limits and health of quick' });
  await dialog.getByLabel('Memory in MB').fill('150');
  await dialog.getByLabel('CPU in % of one core').fill('55.5');
  await dialog.getByLabel('Start again by itself').uncheck();
  await dialog.getByLabel('Some value changes within').fill('90');
  // Somebody else is faster.
  const { json: entry } = await house.call('GET', '/api/connections/quick');
  const { etag, ...other } = entry;
  assert.equal((await house.call('PUT', '/api/connections/quick', { ...other, name: 'Quick' }, { 'if-match': `"${etag}"` })).status, 200);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('Somebody changed this connection meanwhile').waitFor();
  await becomes(() => dialog.getByLabel('Memory in MB').inputValue(), '150');
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'instances-limits-desktop-light');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  const { json: put } = await house.call('GET', '/api/connections/quick');
  assert.equal(put.name, 'Quick', 'what the other one did is still there');
  assert.deepEqual(put.limits, { memory_mb: 150, max_cpu_share: 0.555, max_pps: 55, priority: 'normal' });
  assert.deepEqual(put.health, { auto_restart: false, frozen_after_seconds: 90 });
  await becomes(async () => (await instance('quick')).pid, pid, 'it was not started again for that');
  const near = tile(page, 'quick').locator('[data-nearness]').filter({ hasText: 'In' });
  await near.getByText(/8\d % of its limit|8\d% of its limit|9\d% of its limit/).waitFor();
});

test('the card of a flood shows what was seen and offers three ways on', { timeout: 180_000 }, async () => {
  await stateIs('flood', 'suspended_by_spam');
  const { page, visit } = await house.open({ ...DESK, locale: 'de-DE' });
  await visit('instances');
  const card = page.getByTestId('suspended-flood');
  await card.getByText('noise/').first().waitFor();
  await tile(page, 'flood').getByText(/^sandte .* Werte\/s über zehn Sekunden, erlaubt sind 50\/s; um .* angehalten/).waitFor();
  await picture(page, 'instances-desktop-light-de');
  await card.getByRole('button', { name: 'Protokoll: flood' }).click();
  await page.getByRole('dialog', { name: /flood/ }).waitFor();
  await page.keyboard.press('Escape');
  await card.getByRole('button', { name: 'Grenzen anpassen: flood' }).click();
  const dialog = page.getByRole('dialog', { name: 'Grenzen und Gesundheit von flood' });
  await dialog.getByLabel('Werte je Sekunde').fill('60');
  await dialog.getByRole('button', { name: 'Speichern' }).click();
  await until('the limit is there', async () => (await instance('flood')).guard.limits.max_pps === 60);
  await card.getByRole('button', { name: 'Freigeben: flood' }).click();
  await until('it runs again', async () => (await instance('flood')).state !== 'suspended_by_spam');
});

test('filter and order find what is looked for, and the address keeps them', { timeout: 180_000 }, async () => {
  const { page, visit } = await house.open(DESK);
  await visit('instances');
  await page.getByLabel('Driver', { exact: true }).selectOption('counter');
  await until('only counters', async () => (await names(page)).length === 4);
  await page.getByRole('searchbox').fill('zähl');
  await until('only one', async () => (await names(page)).join() === 'counter');
  await becomes(() => page.url(), /search=z%C3%A4hl/);
  await page.getByRole('searchbox').fill('nothing has this');
  await page.getByRole('button', { name: 'Show all' }).click();
  await until('all', async () => (await names(page)).length === 6);
  await page.getByLabel('Sort by').selectOption('state');
  await until('the fallen one first', async () => (await names(page))[0] === 'faller');
  await page.getByRole('radio', { name: /^error/ }).check({ force: true });
  await until('only the fallen one', async () => (await names(page)).join() === 'faller');
  await visit('instances');
  await page.getByRole('radio', { name: 'Table' }).check({ force: true });
  await page.getByRole('columnheader', { name: 'In' }).getByRole('button').click();
  await until('the quick one is first', async () => ['quick', 'flood'].includes((await names(page))[0]));
  await page.locator('[aria-sort="descending"]').filter({ hasText: 'In' }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'instances-table-desktop-light');
  await page.getByRole('button', { name: 'Limits: Zähler' }).click();
  await page.getByRole('dialog', { name: 'Limits and health of Zähler' }).waitFor();
});

test('names of all kinds stay text and fit on a phone, and a viewer changes nothing', { timeout: 180_000 }, async () => {
  const { page, visit, complaints } = await house.open(PHONE);
  await visit('instances');
  await tile(page, 'hebrew').getByRole('heading', { name: '<b>‏שלום</b>' }).waitFor();
  await tile(page, 'faller').getByText(/^endete mit Code/).first().waitFor();
  await tile(page, 'long').getByText('wurde gestoppt').waitFor();
  await until('a long name makes no long tile', async () => (await tile(page, 'long').boundingBox()).height < 700);
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 844 });
    assert.equal(await tooWide(page), 0, `too wide at ${width}`);
  }
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'instances-phone-dark-de');
  const viewer = await enter(house, DESK, 'viewer');
  await viewer.visit('instances');
  await tile(viewer.page, 'counter').getByRole('button', { name: 'Logs: Zähler' }).waitFor();
  await becomes(() => tile(viewer.page, 'counter').getByRole('button').count(), 1, 'a viewer only reads');
  await becomes(() => viewer.page.getByRole('link', { name: /^Edit connection/ }).count(), 0);
  assert.deepEqual([...complaints, ...viewer.complaints], []);
});

test('the last hour of each figure is a curve once there is one', { timeout: 180_000 }, async () => {
  const { page, visit } = await house.open(DESK);
  // The box has kept less than an hour here; a page that is opened later finds it kept longer.
  const minutes = Array.from({ length: 60 }, (_, minute) => minute);
  await page.route('**/api/admin/instances/counter/metrics**', async (route) => {
    const answer = await route.fetch();
    const metrics = await answer.json();
    const avg = minutes.map((minute) => (minute < 10 ? null : minute));
    metrics.figures = { ...metrics.figures, cpu_percent: { avg, max: avg }, memory_mb: { avg, max: avg } };
    await route.fulfill({ response: answer, json: metrics });
  });
  await visit('instances');
  const curve = (name) => tile(page, 'counter').getByRole('img', { name });
  for (const name of [/CPU.*hour/, /Memory.*hour/]) await curve(name).locator('polyline').waitFor({ state: 'attached' });
  const points = await curve(/CPU.*hour/).locator('polyline').getAttribute('points');
  const heights = points.trim().split(' ').map((point) => Number(point.split(',')[1]));
  assert.equal(heights.length, 50, 'what was not measured has no point');
  assert.deepEqual(heights, [...heights].sort((a, b) => b - a), 'it rises as the figures do');
  await picture(page, 'instances-hours-desktop-light');
});

test('a daemon that is away greys the tiles and comes back by itself', { timeout: 180_000 }, async () => {
  const { page, visit } = await house.open(DESK);
  await visit('instances');
  await tile(page, 'counter').waitFor();
  const { port } = new URL(house.origin);
  await house.stop('SIGKILL');
  await page.locator('[data-link="lost"]').waitFor();
  await tile(page, 'counter').getByRole('button', { name: 'Restart: Zähler' }).click();
  await page.getByText('Fieldrail does not answer').waitFor();
  house.put('fieldrail.json', { listen: `127.0.0.1:${port}` });
  await house.start();
  await page.getByRole('heading', { name: 'Log in' }).or(page.locator('[data-link="live"]')).first().waitFor();
});
