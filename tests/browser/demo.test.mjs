// The demo house in headless Chromium, as its first visitor sees it: the built daemon with real driver processes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pictures = join(root, 'target', 'screenshots');
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
  for (const id of ['mqtt.broker_local', 'solar', 'webhook.alert_service']) {
    await page.locator(`[data-testid="instance-${id}"][data-state="running"]`).waitFor({ timeout: 20_000 });
  }
  await page.screenshot({ path: join(pictures, 'instances-desktop-light.png') });
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
  for (const place of ['instances', 'data', 'routes']) {
    await phone.page.goto(new URL(`/#/${place}`, link).href);
    await phone.page.locator('main').waitFor();
    await phone.page.waitForTimeout(1200);
    const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${place} is ${wide} px wider than the phone`);
    await phone.page.screenshot({ path: join(pictures, `${place}-phone-dark-de.png`) });
  }
  assert.deepEqual([...complaints, ...phone.complaints], []);
});

test('after a light is switched the page shows what the light says', { timeout: 60_000 }, async () => {
  const door = JSON.parse(readFileSync(join(folder, 'state', 'door.json'), 'utf8'));
  const headers = { cookie: `fieldrail_session=${door.session}`, 'x-fieldrail': '1', 'content-type': 'application/json' };
  const write = async (address, value) => {
    const body = JSON.stringify({ address, value });
    const answer = await fetch(`http://${door.address}/api/datapoint/write`, { method: 'POST', headers, body });
    return [answer.status, await answer.json()];
  };
  const { context, page } = await open({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' });
  const url = new URL(link);
  await context.addCookies([{ name: 'fieldrail_session', value: door.session, url: url.origin }]);
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
