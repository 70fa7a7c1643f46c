// The demo house in headless Chromium, as its first visitor sees it: the built daemon with real driver processes.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pictures = join(root, 'target', 'screenshots');
const run = promisify(execFile);
const arguments_ = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** A port that nobody listens on right now. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** The demo's own files with free ports in place of the fixed ones, so that a running demo does no harm. */
async function furnish(folder) {
  const [broker, webhook] = [await freePort(), await freePort()];
  mkdirSync(folder, { recursive: true });
  for (const name of ['fieldrail', 'connections', 'routing', 'datapoints']) {
    const text = readFileSync(join(root, 'crates/fieldrail/demo', `${name}.json`), 'utf8');
    writeFileSync(
      join(folder, `${name}.json`),
      text.replaceAll('127.0.0.1:8420', '127.0.0.1:0').replaceAll('18830', broker).replaceAll('18831', webhook),
    );
  }
}

let house, browser, link, folder;

before(async () => {
  mkdirSync(pictures, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), 'fieldrail-demo-'));
  await furnish(join(folder, 'config'));
  const program = join(root, 'target', process.env.FIELDRAIL_PROFILE ?? 'debug', 'fieldrail');
  house = spawn(program, ['demo', '--config', join(folder, 'config'), '--state', join(folder, 'state')]);
  house.stderr.on('data', (text) => process.env.FIELDRAIL_VERBOSE && process.stderr.write(text));
  link = await new Promise((resolve, reject) => {
    let said = '';
    house.stdout.on('data', (text) => {
      said += text;
      const found = said.match(/http:\/\/\S+once=\S+/);
      if (found) resolve(found[0]);
    });
    house.on('exit', (code) => reject(new Error(`the daemon ended with ${code}: ${said}`)));
    setTimeout(() => reject(new Error(`no login link within 20 s: ${said}`)), 20_000).unref();
  });
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: arguments_ });
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  if (house && house.exitCode === null) {
    const ended = new Promise((resolve) => house.on('exit', resolve));
    house.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

/** A page that fails the test on whatever a visitor's console would complain about. */
async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (hostname !== '127.0.0.1' && protocol !== 'data:') complaints.push(`asks ${hostname}`);
  });
  return { page, context, complaints };
}

test('the login link opens a page whose values move', { timeout: 60_000 }, async () => {
  const { page, context, complaints } = await open({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' });
  await page.goto(link);
  for (const id of ['mqtt.broker_local', 'solar', 'plc_001', 'inverter', 'webhook.alert_service']) {
    await page.locator(`[data-testid="instance-${id}"][data-state="running"]`).waitFor({ timeout: 20_000 });
  }
  await page.screenshot({ path: join(pictures, 'instances-desktop-light.png') });
  const details = page.getByTestId('details-solar');
  await details.locator('summary').click();
  const packets = details.locator('dt', { hasText: 'Network packets out / in' }).locator('+ dd');
  await packets.filter({ hasText: /^[1-9][\d,]* \/ [1-9][\d,]*$/ }).waitFor({ timeout: 10_000 });
  await details.getByTestId('walls').locator('dt', { hasText: 'Privileges' }).waitFor({ timeout: 10_000 });
  await page.getByTestId('limits-solar').click();
  await page.getByLabel('Memory in MB').fill('200');
  await page.getByRole('button', { name: 'Save' }).click();
  await details.locator('dt', { hasText: 'Memory held by' }).waitFor({ timeout: 10_000 });
  assert.ok(!page.url().includes('once='), 'the code stays in the address bar');

  await page.goto(new URL('/#/data', link).href);
  const cell = page.getByTestId('value-solar.solar_assistant/inverter_1/pv_power/state');
  await cell.waitFor({ timeout: 20_000 });
  const first = await cell.textContent();
  await page.waitForFunction(
    ([id, before]) => document.querySelector(`[data-testid="${id}"]`)?.textContent !== before,
    ['value-solar.solar_assistant/inverter_1/pv_power/state', first],
    { timeout: 15_000 },
  );
  await page.getByTestId('value-calc.temperature.kitchen').waitFor({ timeout: 10_000 });
  await page.screenshot({ path: join(pictures, 'data-desktop-light.png') });

  await page.goto(new URL('/#/routes', link).href);
  await page.getByTestId('route-pv_in_kilowatts').waitFor({ timeout: 10_000 });
  await page.screenshot({ path: join(pictures, 'routes-desktop-light.png') });
  const state = await context.storageState();

  const phone = await open({
    viewport: { width: 390, height: 844 }, locale: 'de-DE', colorScheme: 'dark', storageState: state,
  });
  for (const place of ['instances', 'data', 'routes', 'alarms']) {
    await phone.page.goto(new URL(`/#/${place}`, link).href);
    await phone.page.locator('main').waitFor();
    await phone.page.waitForTimeout(1200);
    const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${place} is ${wide} px wider than the phone`);
    await phone.page.screenshot({ path: join(pictures, `${place}-phone-dark-de.png`) });
  }
  assert.deepEqual([...complaints, ...phone.complaints], []);
});

/** The daemon's own door, for what no page can do yet. */
function door() {
  const { address, session } = JSON.parse(readFileSync(join(folder, 'state', 'door.json'), 'utf8'));
  const headers = { cookie: `fieldrail_session=${session}`, 'x-fieldrail': '1', 'content-type': 'application/json' };
  const ask = async (method, path, wish) => {
    const body = wish && JSON.stringify(wish);
    const answer = await fetch(`http://${address}${path}`, { method, headers, body });
    return [answer.status, await answer.json()];
  };
  return { session, ask, write: (address, value) => ask('POST', '/api/datapoint/write', { address, value }) };
}

test('after a light is switched the page shows what the light says', { timeout: 60_000 }, async () => {
  const { session, write } = door();
  const { context, page } = await open({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' });
  const url = new URL(link);
  await context.addCookies([{ name: 'fieldrail_session', value: session, url: url.origin }]);
  await page.goto(`${url.origin}/#/data`);
  const feedback = page.getByTestId('value-solar.house/light/kitchen/state');
  await feedback.waitFor({ timeout: 20_000 });
  for (const on of [true, false]) {
    const [status, result] = await write('solar.house/light/kitchen/set', on);
    assert.deepEqual([status, result.outcome], [200, 'confirmed'], JSON.stringify(result));
    await page.waitForFunction(
      (wanted) => document.querySelector('[data-testid="value-calc.house/light/kitchen"]')?.textContent.includes(wanted),
      String(on),
      { timeout: 10_000 },
    );
  }
  await context.close();
});

test('a register of the inverter reaches the PLC, and an alarm of the PLC reaches broker, webhook and log', { timeout: 60_000 }, async () => {
  const { session, ask, write } = door();
  const { context, page, complaints } = await open({ viewport: { width: 1440, height: 900 }, locale: 'de-DE' });
  const url = new URL(link);
  await context.addCookies([{ name: 'fieldrail_session', value: session, url: url.origin }]);
  await page.goto(`${url.origin}/#/data`);
  const texts = ['inverter.pv_power', 'plc_001.main.fpvpower'].map((address) => page.getByTestId(`value-${address}`));
  for (const text of texts) await text.waitFor({ timeout: 20_000 });
  const numbers = async () => {
    const shown = await Promise.all(texts.map((text) => text.textContent()));
    return shown.map((text) => Number(text.replace(/[^0-9]/g, '')));
  };
  assert.match(await texts[1].textContent(), /W$/, 'the unit that datapoints.json gives MAIN.fPvPower');
  // Both move; that they meet three times is no chance.
  for (let met = 0, before = -1; met < 3; ) {
    const [here, there] = await numbers();
    if (here === there && here !== before) [met, before] = [met + 1, here];
    await page.waitForTimeout(100);
  }

  const { connections } = JSON.parse(readFileSync(join(folder, 'config', 'connections.json'), 'utf8'));
  const port = connections.find(({ id }) => id === 'solar').config.port;
  const heard = run('mosquitto_sub', ['-h', '127.0.0.1', '-p', String(port), '-t', 'alarms/critical', '-C', '1', '-W', '15']);
  const [status, result] = await write('plc_001.MAIN.bAlarmActive', true);
  assert.deepEqual([status, result.outcome], [200, 'confirmed'], JSON.stringify(result));
  await page.waitForFunction(
    () => document.querySelector('[data-testid="value-plc_001.main.balarmactive"]')?.textContent.includes('true'),
    undefined, { timeout: 10_000 },
  );
  await page.screenshot({ path: join(pictures, 'plc-and-inverter-desktop-light-de.png') });
  assert.equal((await heard).stdout.trim(), 'true', 'the broker got the alarm');
  const said = async () => JSON.stringify((await ask('GET', '/api/logs?limit=500'))[1]);
  for (const want of [/alarm_multi_target|balarmactive/i, /simulated receiver took a request/]) {
    for (let tries = 0; !want.test(await said()); tries += 1) {
      assert.ok(tries < 50, `the log does not say ${want}`);
      await page.waitForTimeout(200);
    }
  }
  assert.equal(await page.getByTestId('notice').count(), 0, 'no complaint about what is shown');
  // It has the role of an alarm: the bell rings on every page until somebody acknowledges it.
  await page.waitForFunction(() => Number(document.querySelector('[data-testid="alarm-bell"]')?.dataset.waiting) === 1, undefined, { timeout: 10_000 });
  await page.getByTestId('alarm-bell').click();
  const alarm = (state) => page.locator(`[data-testid="alarm"][data-address="plc_001.main.balarmactive"][data-state="${state}"]`);
  await alarm('active').waitFor({ timeout: 10_000 });
  await page.getByTestId('alarm-comment').fill('Klaus sieht nach');
  await page.screenshot({ path: join(pictures, 'alarms-desktop-light-de.png') });
  await alarm('active').getByTestId('acknowledge').click();
  await alarm('acknowledged').waitFor({ timeout: 10_000 });
  await page.waitForFunction(() => document.querySelector('[data-testid="alarm-event"]')?.textContent.includes('Klaus sieht nach'), undefined, { timeout: 10_000 });
  await page.waitForFunction(() => document.querySelector('[data-testid="alarm-bell"]')?.dataset.waiting === '0', undefined, { timeout: 10_000 });
  assert.deepEqual(complaints, []);
  await context.close();
});

// The last test: it stops the house.
test('the panic button counts down, can be cancelled, stops the house, and an administrator re-arms it step by step', { timeout: 120_000 }, async () => {
  const { session, ask } = door();
  const url = new URL(link);
  const cookie = [{ name: 'fieldrail_session', value: session, url: url.origin }];
  const { context, page, complaints } = await open({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' });
  await context.addCookies(cookie);
  await page.goto(`${url.origin}/#/instances`);
  const state = async () => (await ask('GET', '/api/admin/panic'))[1].state;
  const button = page.getByTestId('panic');
  // By keyboard alone: into the countdown and out of it.
  await button.focus();
  await page.keyboard.press('Enter');
  await page.getByTestId('panic-count').waitFor();
  await page.screenshot({ path: join(pictures, 'panic-countdown-desktop-light.png') });
  await page.waitForFunction(() => document.querySelector('[data-testid="panic-count"]')?.textContent === '3');
  await page.keyboard.press('Escape');
  await page.getByTestId('panic-count').waitFor({ state: 'detached' });
  await page.waitForTimeout(4_000);
  assert.equal(await state(), 'armed', 'a cancelled countdown does nothing');
  const begun = Date.now();
  await button.click();
  await page.getByTestId('panic-banner').waitFor({ timeout: 10_000 });
  assert.ok(Date.now() - begun > 4_500, 'it counts down from five');
  assert.equal(await state(), 'latched');
  await page.locator('[data-testid="instance-plc_001"][data-state="panicked"]').waitFor({ timeout: 10_000 });
  await page.screenshot({ path: join(pictures, 'panic-latched-desktop-light.png') });

  const phone = await open({ viewport: { width: 390, height: 844 }, locale: 'de-DE', colorScheme: 'dark' });
  await phone.context.addCookies(cookie);
  for (const place of ['instances', 'data', 'routes', 'alarms']) {
    await phone.page.goto(`${url.origin}/#/${place}`);
    await phone.page.getByTestId('panic-banner').waitFor({ timeout: 10_000 });
    assert.ok(await phone.page.getByTestId('panic').isVisible(), `no panic button on ${place}`);
    const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${place} is ${wide} px wider than the phone`);
  }
  await phone.page.getByTestId('panic-steps').click();
  await phone.page.screenshot({ path: join(pictures, 'panic-latched-phone-dark-de.png') });

  await page.getByTestId('panic-steps').click();
  assert.ok(await page.getByTestId('rearm-router').isDisabled(), 'the router comes last');
  for (const id of ['mqtt.broker_local', 'solar', 'plc_001', 'inverter', 'webhook.alert_service']) {
    await page.getByTestId(`rearm-${id}`).click();
    await page.getByTestId(`rearm-${id}`).waitFor({ state: 'detached', timeout: 10_000 });
  }
  await page.screenshot({ path: join(pictures, 'panic-rearming-desktop-light.png') });
  await phone.page.getByTestId('panic').click();
  await phone.page.getByTestId('panic-count').waitFor();
  await phone.page.screenshot({ path: join(pictures, 'panic-countdown-phone-dark-de.png') });
  await phone.page.getByTestId('panic-cancel').click();
  await page.getByTestId('rearm-router').click();
  await page.getByTestId('panic-banner').waitFor({ state: 'detached', timeout: 10_000 });
  assert.equal(await state(), 'armed');
  await page.locator('[data-testid="instance-plc_001"][data-state="running"]').waitFor({ timeout: 20_000 });

  // An instance is cut from the router and joined again.
  await page.getByTestId('detach-plc_001').click();
  await page.locator('[data-testid="instance-plc_001"][data-state="detached"]').waitFor({ timeout: 10_000 });
  await page.screenshot({ path: join(pictures, 'detached-desktop-light.png') });
  await page.getByTestId('attach-plc_001').click();
  await page.locator('[data-testid="instance-plc_001"][data-state="running"]').waitFor({ timeout: 10_000 });
  assert.deepEqual([...complaints, ...phone.complaints], []);
  await phone.context.close();
  await context.close();
});
