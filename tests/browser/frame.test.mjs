// The frame around every page in headless Chromium: navigation, start page, search, undo, a lost daemon, the installed page.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DESK, PHONE, barriers, becomes, freePort, ownHouse, picture, tooWide, until } from './house.mjs';

const SMALL = { ...PHONE, viewport: { width: 320, height: 640 } };
const PASSWORD = 'Schaltschrank 7';
const hostile = '<img src=x onerror=alert(1)>';

let house, port;

before(async () => {
  port = await freePort();
  house = ownHouse([
    { id: 'counter', driver: 'counter', name: 'Zähler', config: { every_s: 0.2 } },
    { id: 'fallen', driver: 'faller', name: hostile, health: { auto_restart: false }, config: { how: 'exit' } },
    { id: 'device', driver: 'tree', name: 'Heizung' },
    { id: 'mute', driver: 'tree', config: { answers: false } },
  ]);
  house.put('fieldrail.json', { listen: `127.0.0.1:${port}` });
  house.put('datapoints.json', {
    datapoints: {
      'calc.leak': { name: 'Wasser in der Küche', role: 'alarm', alarm: { severity: 'critical' } },
      'counter.count': { name: 'Zählerstand' },
    },
  });
  house.put('routing.json', {
    routes: [{ id: 'halves', from: 'calc.text', to: 'calc.half', transform: 'scale(0.5)', description: 'Kücheruhr' }],
  });
  await house.start();
  for (const [name, role] of [['vera', 'viewer'], ['otto', 'operator'], ['anna', 'admin']]) {
    await house.ask('POST', '/api/admin/users', { name, password: PASSWORD, role });
  }
  // The set-up is open until the daemon begins with users.
  await house.stop();
  await house.start();
}, { timeout: 180_000 });
after(() => house?.close());

const instance = async (id) => (await house.ask('GET', '/api/admin/instances')).items.find((one) => one.id === id);
const state = async (id) => (await instance(id)).state;
const needs = (page) => page.getByTestId('need');
const need = (page, key) => page.locator(`[data-testid="need"][data-key="${key}"]`);

/** A page that a person of the house has logged in to by the form. */
async function as(name, options) {
  const opened = await house.open(options, { loggedIn: false });
  await opened.page.goto(`${house.origin}/#/home`);
  const fields = opened.page.getByRole('main').locator('input');
  await fields.nth(0).fill(name);
  await fields.nth(1).fill(PASSWORD);
  await fields.nth(1).press('Enter');
  await opened.page.getByTestId('verdict').waitFor();
  // Being asked who one is, is what a browser calls an error.
  opened.complaints.length = 0;
  return opened;
}

test('the start page names what needs a hand, and each button mends it', { timeout: 180_000 }, async () => {
  await until('it has fallen', async () => (await state('fallen')) === 'error');
  await until('the others run', async () => (await state('counter')) === 'running' && (await state('device')) === 'running');
  await house.ask('POST', '/api/connections/counter/disconnect');
  await house.write('calc.text', 'no number');
  await house.write('calc.leak', true);
  const { page, context, complaints, visit } = await house.open(DESK);
  await visit('home');
  await page.locator('[data-testid="verdict"][data-tone="bad"]').waitFor();
  for (const key of ['instance fallen', 'instance counter', 'alarm calc.leak', 'route halves']) await need(page, key).waitFor();
  await becomes(() => need(page, 'instance fallen').locator('.title').textContent(), `${hostile} does not run`);
  await page.locator('[data-key^="error "]').first().waitFor();
  await picture(page, 'home-needs-desktop-light');
  assert.deepEqual(await barriers(page), []);

  await page.getByRole('button', { name: 'Acknowledge: Wasser in der Küche' }).click();
  await until('it is acknowledged', async () => (await house.ask('GET', '/api/alarms')).unacknowledged_count === 0);
  await house.write('calc.leak', false);
  await need(page, 'alarm calc.leak').waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Attach: Zähler' }).click();
  await until('it is attached', async () => (await state('counter')) === 'running');
  await need(page, 'instance counter').waitFor({ state: 'detached' });
  // And taken back, from the notice.
  await page.getByTestId('notice').getByRole('button', { name: 'Undo' }).click();
  await until('it is detached again', async () => (await state('counter')) === 'detached');
  await page.getByText('Undone.').waitFor();
  await page.getByRole('button', { name: 'Attach: Zähler' }).click();
  await until('it is attached', async () => (await state('counter')) === 'running');

  const before = (await instance('fallen')).restarts + (await instance('fallen')).errors;
  await page.getByRole('button', { name: `Start: ${hostile}` }).click();
  await until('it was started', async () => {
    const now = await instance('fallen');
    return now.restarts + now.errors !== before || now.state !== 'error';
  });
  await page.getByRole('link', { name: `Logs of ${hostile}` }).click();
  await page.getByRole('dialog').waitFor();
  await becomes(() => page.url(), /#\/instances\?logs=fallen$/);
  await visit('home');
  await page.getByRole('link', { name: 'To the route halves' }).click();
  await becomes(() => page.url(), /#\/routes\?id=halves$/);

  const file = join(house.folder, 'config', 'datapoints.json');
  const whole = readFileSync(file, 'utf8');
  writeFileSync(file, whole.slice(0, -1));
  await page.goto(`${house.origin}/#/home`);
  await page.locator('[data-key="file 0 datapoints.json"]').waitFor();
  writeFileSync(file, whole);
  await page.locator('[data-key="file 0 datapoints.json"]').waitFor({ state: 'detached' });
  assert.deepEqual(complaints, []);
  await context.close();
});

test('viewers are shown the same and may mend nothing; operators acknowledge', { timeout: 180_000 }, async () => {
  await house.write('calc.leak', true);
  for (const [name, buttons] of [['vera', 0], ['otto', 1]]) {
    const { page, context, complaints } = await as(name, DESK);
    await need(page, 'alarm calc.leak').waitFor();
    await need(page, 'instance fallen').waitFor();
    await becomes(() => needs(page).getByRole('button').count(), buttons, name);
    await becomes(() => page.getByTestId('panic').count(), buttons, name);
    assert.deepEqual(complaints, []);
    await context.close();
  }
  await house.write('calc.leak', false);
  await house.ask('POST', '/api/alarms/acknowledge', { addresses: ['calc.leak'], comment: null });
});

test('every page is reached from the navigation, by mouse, by keyboard and on a phone', { timeout: 180_000 }, async () => {
  const { page, context, complaints } = await house.open({ ...DESK, colorScheme: 'dark' });
  await page.goto(`${house.origin}/#/home`);
  const nav = page.getByRole('navigation', { name: 'Pages' });
  for (const name of ['Data', 'Routes', 'Instances', 'Alarms', 'Logs', 'Home']) {
    const link = nav.getByRole('link', { name, exact: true });
    await link.click();
    await page.locator('main h1').first().waitFor({ state: 'attached' });
    await becomes(() => nav.locator('[aria-current="page"]').textContent().then((text) => text.trim()), name);
    await becomes(() => page.title(), new RegExp(`^${name} · `));
  }
  await page.getByTestId('verdict').waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'home-desktop-dark');
  await page.keyboard.press('Tab');
  await nav.getByRole('link', { name: 'Data', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Data' }).waitFor();
  await page.goto(`${house.origin}/#/nowhere`);
  await page.getByText('There is no such page').waitFor();

  const phone = await house.open(SMALL);
  await phone.page.goto(`${house.origin}/#/home`);
  await phone.page.getByTestId('verdict').waitFor();
  assert.equal(await tooWide(phone.page), 0);
  const bar = phone.page.getByRole('navigation', { name: 'Seiten' });
  await becomes(async () => (await bar.locator('> a, > button').allTextContents()).map((text) => text.trim()), ['Start', 'Dashboards', 'Daten', 'Alarme', 'Mehr']);
  const more = bar.getByRole('button', { name: 'Mehr' });
  await more.click();
  await bar.getByRole('link', { name: 'Routen' }).waitFor();
  await picture(phone.page, 'more-phone-dark-de');
  assert.deepEqual(await barriers(phone.page), []);
  await phone.page.keyboard.press('Escape');
  await bar.getByRole('link', { name: 'Routen' }).waitFor({ state: 'hidden' });
  await more.press('Enter');
  await phone.page.waitForFunction(() => document.activeElement?.textContent?.includes('Routen'));
  await phone.page.keyboard.press('Enter');
  await phone.page.getByRole('heading', { name: 'Routen' }).waitFor();
  await bar.getByRole('link', { name: 'Routen' }).waitFor({ state: 'hidden' });
  assert.equal(await tooWide(phone.page), 0);
  for (const place of ['gallery', 'home']) {
    await phone.page.goto(`${house.origin}/#/${place}`);
    await phone.page.locator('main h1').first().waitFor({ state: 'attached' });
    assert.equal(await tooWide(phone.page), 0, place);
  }
  await picture(phone.page, 'home-phone-dark-de');
  assert.deepEqual([...complaints, ...phone.complaints], []);
  await phone.context.close();
  await context.close();
});

test('the search finds pages, instances, datapoints, routes and what is in the devices, by keyboard', { timeout: 180_000 }, async () => {
  await until('a value', () => house.datapoint('counter.count'));
  const { page, context, complaints } = await house.open(DESK);
  await page.goto(`${house.origin}/#/home`);
  await page.getByTestId('verdict').waitFor();
  await page.keyboard.press('/');
  const dialog = page.getByRole('dialog', { name: 'Search the house' });
  const field = dialog.getByRole('combobox');
  const option = (name) => dialog.getByRole('option', { name });
  await field.waitFor();
  await option('Instances').waitFor();
  for (const spelled of ['kuche', 'kueche', 'KÜCHE']) {
    await field.fill(spelled);
    await option('Wasser in der Küche calc.leak').waitFor();
    await option(/^halves/).waitFor();
  }
  // A device that does not answer is named, and the others are shown.
  await field.fill('keller');
  await option(/^pumpe.*Umwälzpumpe im Keller/).waitFor();
  await dialog.getByText(/No answer from: mute \(no answer within 2 s\)/).waitFor();
  await picture(page, 'search-desktop-light');
  assert.deepEqual(await barriers(page), []);
  await field.fill('zähler');
  await option(/^Zähler /).first().waitFor();
  const chosen = () => dialog.locator('[aria-selected="true"]').textContent();
  const first = await chosen();
  await field.press('ArrowDown');
  await until('it is another', async () => (await chosen()) !== first);
  await field.press('ArrowUp');
  await becomes(chosen, first);
  await field.fill('zählerstand');
  await until('only it', async () => /^\s*Zählerstand/.test(await chosen()));
  await field.press('Enter');
  await page.getByRole('dialog').getByText('counter.count').first().waitFor();
  await becomes(() => page.url(), /#\/data\?point=counter\.count$/);
  await page.keyboard.press('Escape');

  await page.keyboard.press('Control+k');
  await field.fill('counter');
  await option(/^Zähler counter/).click();
  await page.waitForFunction(() => document.activeElement?.dataset.testid === 'instance-counter');

  // What only the device knew becomes a datapoint when it is opened.
  await becomes(() => house.datapoint('device.Keller/ventil'), undefined);
  await page.keyboard.press('Control+k');
  await field.fill('ventil');
  await option(/^ventil/).first().click();
  await page.getByRole('dialog').getByText('device.Keller/ventil').first().waitFor();
  await until('it is a datapoint', async () => (await house.datapoint('device.Keller/ventil'))?.value === 21.5);
  await page.keyboard.press('Escape');

  // A folder of a device opens where it lies in the tree.
  await page.keyboard.press('Control+k');
  await field.fill('dach');
  await option(/^Dach device · Dach/).click();
  await becomes(() => page.url(), /#\/data\?view=tree&instance=device&path=Dach$/);
  const lies = page.getByRole('treeitem', { name: /^Dach/ });
  await becomes(() => lies.getAttribute('aria-expanded'), 'true');
  await page.getByRole('treeitem', { name: /^fühler/ }).waitFor();
  await becomes(async () => page.getByRole('tree').getAttribute('aria-activedescendant').then((id) => page.locator(`#${id}`).textContent()), /Dach/);
  await becomes(() => page.getByRole('treeitem', { name: /^Keller/ }).getAttribute('aria-expanded'), 'false');

  await page.getByTestId('search').click();
  await field.fill('qqqq');
  await dialog.getByText('Nothing found for “qqqq”').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await becomes(() => page.evaluate(() => document.activeElement?.dataset.testid), 'search', 'the focus is back');
  // A slash that is typed is a slash.
  await page.getByRole('searchbox').first().fill('');
  await page.getByRole('searchbox').first().press('/');
  await becomes(() => dialog.count(), 0);

  const phone = await house.open(SMALL);
  await phone.page.goto(`${house.origin}/#/home`);
  await phone.page.getByTestId('search').click();
  const sheet = phone.page.getByRole('dialog', { name: 'Das Haus durchsuchen' });
  await sheet.getByRole('combobox').fill('keller');
  await sheet.getByRole('option', { name: /pumpe/ }).waitFor();
  const { width, height } = await sheet.boundingBox();
  assert.deepEqual([width, height], [320, 640], 'it fills the phone');
  assert.equal(await tooWide(phone.page), 0);
  assert.deepEqual(await barriers(phone.page), []);
  await picture(phone.page, 'search-phone-dark-de');
  await sheet.getByRole('button', { name: 'Schließen' }).click();
  await sheet.waitFor({ state: 'detached' });
  assert.deepEqual([...complaints, ...phone.complaints], []);
  await phone.context.close();
  await context.close();
});

test('language and theme change at once, also under an open dialog, and stay', { timeout: 240_000 }, async () => {
  const { page, context, complaints } = await house.open({ ...DESK, reducedMotion: 'reduce' });
  await page.goto(`${house.origin}/#/gallery`);
  await page.getByRole('heading', { name: 'Gallery of parts' }).waitFor();
  await page.evaluate(() => (window.here = true));
  const menu = page.getByTestId('menu');
  await becomes(() => menu.getAttribute('aria-label'), /^console · /);
  await menu.click();
  await page.getByText('Deutsch').click();
  await page.getByRole('heading', { name: 'Galerie der Bauteile' }).waitFor();
  await page.getByText('Dunkel', { exact: true }).click();
  await becomes(() => page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await becomes(() => page.evaluate(() => document.querySelector('meta[name="theme-color"]').content), '#191f22');
  await page.keyboard.press('Escape');
  await picture(page, 'gallery-desktop-dark-de');
  // Another tab of the same person chooses; the open dialog of this one follows.
  await page.getByRole('button', { name: 'small', exact: true }).click();
  const other = await context.newPage();
  await other.goto(`${house.origin}/#/home`);
  await other.getByTestId('menu').click();
  await other.getByText('English').click();
  await other.getByText('Light', { exact: true }).click();
  await other.getByTestId('verdict').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).waitFor();
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'light');
  assert.deepEqual(await barriers(page, 'dialog[open]'), []);
  await page.keyboard.press('Escape');
  // And so does each page that is open.
  const titles = { home: 'Start', data: 'Daten', routes: 'Routen', instances: 'Instanzen', alarms: 'Alarme', logs: 'Protokoll' };
  for (const [place, title] of Object.entries(titles)) {
    await page.evaluate((place) => (location.hash = `#/${place}`), place);
    await page.locator('main h1').first().waitFor({ state: 'attached' });
    await menu.click();
    await page.getByText('Deutsch').click();
    await page.locator('main h1', { hasText: title }).first().waitFor({ state: 'attached' });
    await becomes(() => page.title(), `${title} · Fieldrail`);
    await page.getByText('English').click();
    await page.locator('main h1', { hasText: title }).first().waitFor({ state: 'detached' });
    await page.keyboard.press('Escape');
  }
  await becomes(() => page.evaluate(() => window.here), true, 'no reload');
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a notice can be undone once, and waits for who points at it', { timeout: 180_000 }, async () => {
  const { page, context, complaints } = await house.open(DESK);
  await page.goto(`${house.origin}/#/instances`);
  await page.getByTestId('stop-counter').click();
  await until('it stands', async () => (await state('counter')) === 'stopped');
  const notice = page.getByTestId('notice').filter({ hasText: 'Zähler is stopping.' });
  await notice.getByRole('button', { name: 'Undo' }).press('Enter');
  await until('it runs again', async () => (await state('counter')) === 'running');
  await page.getByText('Undone.').waitFor();
  await becomes(() => notice.count(), 0);

  const limits = async () => (await instance('counter')).guard.limits.memory_mb;
  await page.getByTestId('details-counter').locator('summary').click().catch(() => {});
  await page.getByTestId('limits-counter').click();
  await page.getByLabel('Memory in MB').fill('333');
  await page.getByRole('button', { name: 'Save' }).click();
  await until('the limit is in force', async () => (await limits()) === 333);
  await page.getByTestId('notice').getByRole('button', { name: 'Undo' }).click();
  await until('it is as before', async () => (await limits()) !== 333);

  await page.goto(`${house.origin}/#/gallery`);
  await page.getByRole('button', { name: 'undo fails' }).click();
  await page.getByTestId('notice').getByRole('button', { name: 'Undo' }).click();
  await page.getByTestId('notice').filter({ hasText: 'too late' }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a notice is seen and pressed over whatever dialog is open, on the desk and on the phone', { timeout: 180_000 }, async () => {
  for (const options of [DESK, { ...PHONE, hasTouch: true }]) {
    const { page, context, complaints, visit } = await house.open(options);
    await visit('gallery');
    const notice = page.getByTestId('notice');
    for (const shape of ['middle', 'side', 'small']) {
      await page.getByRole('button', { name: 'done, undo' }).click();
      await notice.waitFor();
      await page.getByRole('button', { name: shape, exact: true }).click();
      const dialog = page.getByRole('dialog', { name: `Dialog, ${shape}` });
      await dialog.getByTestId('notice').waitFor();
      // Who cannot see and press it is not shown it: the click waits for what lies on top at that place.
      await notice.getByTestId('notice-action').click();
      await dialog.getByTestId('notice').filter({ hasText: /Undone|Rückgängig gemacht/ }).waitFor();
      if (shape === 'side') await picture(page, `notice-over-dialog-${options === DESK ? 'desktop-light' : 'phone-dark-de'}`);
      // The buttons of the dialog stay free.
      await dialog.locator('footer').getByRole('button').last().click();
      await dialog.waitFor({ state: 'detached' });
      // It goes on where the dialog was.
      await notice.getByRole('button', { name: /Dismiss|Ausblenden/ }).click();
      await becomes(() => notice.count(), 0);
    }
    assert.deepEqual(complaints, []);
    await context.close();
  }
});

test('a daemon that is killed is missed and found again without a reload, with the same session and fresh values', { timeout: 180_000 }, async () => {
  const { page, context } = await as('anna', { ...SMALL, locale: 'en-GB' });
  await page.goto(`${house.origin}/#/data?view=list`);
  const cell = page.getByTestId('value-counter.count');
  await cell.waitFor();
  await page.locator('[data-testid="value-counter.count"][data-quality="good"]').waitFor();
  await page.evaluate(() => (window.here = true));
  await house.stop('SIGKILL');
  await page.locator('[data-testid="lamp"][data-state="lost"]').waitFor();
  await page.locator('[data-testid="value-counter.count"][data-quality="unknown"]').waitFor();
  await page.getByText('connection lost').waitFor();
  await page.getByRole('button', { name: 'Try again now' }).waitFor();
  await picture(page, 'lost-phone-dark');
  assert.equal(await tooWide(page), 0, 'what is wrong has room on the smallest phone');
  const stale = await cell.textContent();
  await page.goto(`${house.origin}/#/home`).catch(() => {});
  await page.locator('[data-testid="verdict"][data-tone="off"]').waitFor();
  await picture(page, 'home-lost-phone-dark');
  await page.goto(`${house.origin}/#/data?view=list`).catch(() => {});

  await house.start();
  await page.getByRole('button', { name: 'Try again now' }).click({ timeout: 5_000 }).catch(() => {});
  await page.locator('[data-testid="lamp"][data-state="live"]').waitFor();
  await page.locator('[data-testid="value-counter.count"][data-quality="good"]').waitFor();
  await page.waitForFunction((before) => document.querySelector('[data-testid="value-counter.count"]')?.textContent !== before, stale);
  await becomes(() => page.evaluate(() => window.here), true, 'the page was loaded anew');
  await becomes(() => page.url(), /#\/data\?view=list$/);
  await context.close();
});

test('a page whose code could not be fetched comes at the press of a button, and by itself once the daemon is back', { timeout: 180_000 }, async () => {
  for (const way of ['by itself', 'at the button']) {
    const { page, context } = await as('anna', DESK);
    let away = true;
    await page.route('**/assets/LogsPage-*.js', (route) => (away ? route.abort() : route.continue()));
    // What is fetched while nothing else is to do, would need no daemon later.
    await context.addInitScript(() => (window.requestIdleCallback = () => 0));
    await page.reload();
    await page.locator('[data-testid="lamp"][data-state="live"]').waitFor();
    if (way === 'by itself') await house.stop('SIGKILL');
    await page.evaluate(() => ((window.here = true), (location.hash = '#/logs')));
    // Where the daemon answers the page takes it for another version's and begins anew, once.
    if (way === 'at the button') await becomes(() => page.evaluate(() => window.here).catch(() => true), undefined);
    const box = page.getByRole('alert').filter({ hasText: 'Fieldrail does not answer' });
    await box.getByRole('button', { name: 'Try again' }).waitFor();
    assert.deepEqual(await barriers(page), []);
    await box.getByRole('button', { name: 'Try again' }).click();
    await box.waitFor();
    away = false;
    if (way === 'by itself') await house.start();
    else await box.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Logs', exact: true }).waitFor();
    await becomes(() => page.url(), /#\/logs$/);
    await context.close();
  }
});

test('an expired session asks for the log-in and goes on at the same page', { timeout: 180_000 }, async () => {
  const { page, context } = await as('vera', DESK);
  await page.goto(`${house.origin}/#/data?search=count`);
  await page.getByTestId('value-counter.count').waitFor();
  await house.ask('PUT', '/api/admin/users/vera', { password: `${PASSWORD}!` });
  await page.getByText('Your session has ended. Please log in again.').waitFor();
  await until('nothing of the house is left on the page', async () => !(await page.content()).includes('counter.count'));
  await page.getByLabel('Name').fill('vera');
  await page.getByLabel('Password').fill(`${PASSWORD}!`);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByTestId('value-counter.count').waitFor();
  await becomes(() => page.url(), /#\/data\?search=count$/);
  await context.close();
});

test('the installed page opens without the daemon, says so, shows no old value, and takes another version', { timeout: 180_000 }, async () => {
  const { page, context } = await house.open({ ...PHONE, serviceWorkers: 'allow' });
  await page.goto(`${house.origin}/#/data?view=list`);
  await page.getByTestId('value-counter.count').waitFor();
  const manifest = await (await fetch(`${house.origin}/manifest.webmanifest`)).json();
  assert.equal(manifest.display, 'standalone');
  for (const { src, type } of manifest.icons) {
    const answer = await fetch(house.origin + src);
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, type], src);
  }
  const ready = () => page.evaluate(async () => (await navigator.serviceWorker.ready).active?.state);
  await until('the worker is at work', async () => (await ready()) === 'activated');
  // A cache of another version is there, as after an update of the daemon.
  const names = await page.evaluate(async () => {
    await caches.open('fieldrail-of-old');
    await (await navigator.serviceWorker.ready).update();
    return caches.keys();
  });
  const [own] = names.filter((name) => name !== 'fieldrail-of-old');
  const paths = await page.evaluate(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname), own);
  assert.ok(paths.length > 10 && paths.every((path) => path === '/' || path === '/icon.svg' || path.startsWith('/assets/')), paths.join(' '));

  await house.stop();
  await page.reload();
  await page.getByText('Fieldrail antwortet nicht').waitFor();
  await until('no old value is shown', async () => !(await page.content()).includes('counter.count'));
  await picture(page, 'offline-phone-dark-de');
  assert.deepEqual(await barriers(page), []);
  await house.start();
  // It asks by itself; the session of the console has ended with the daemon.
  await page.getByRole('button', { name: 'Anmelden' }).waitFor();
  await context.close();
});

test('a panic is the first thing on the start page, and leads to the steps out of it', { timeout: 180_000 }, async () => {
  const { page, context, complaints } = await house.open(DESK);
  await house.ask('POST', '/api/admin/panic', { drill: false });
  await page.goto(`${house.origin}/#/home`);
  await page.locator('[data-testid="verdict"]', { hasText: 'The house is in panic.' }).waitFor();
  await becomes(() => needs(page).first().getAttribute('data-key'), 'panic');
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'home-panic-desktop-light');
  await need(page, 'panic').getByRole('link', { name: 'To the re-arming' }).click();
  await page.getByTestId('rearm-router').waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test('an empty house says what to do first', { timeout: 180_000 }, async () => {
  const empty = await ownHouse([]).start();
  try {
    for (const [options, text] of [[DESK, 'Nothing is connected yet.'], [PHONE, 'Noch ist nichts angeschlossen.']]) {
      const { page, context, complaints } = await empty.open(options);
      await page.goto(`${empty.origin}/#/home`);
      await page.locator('[data-testid="verdict"]', { hasText: text }).waitFor();
      await page.locator('main').getByRole('heading', { level: 2 }).first().waitFor();
      assert.deepEqual([await tooWide(page), await barriers(page), complaints], [0, [], []]);
      await picture(page, `home-empty-${options === DESK ? 'desktop-light' : 'phone-dark-de'}`);
      await context.close();
    }
  } finally {
    await empty.close();
  }
});
