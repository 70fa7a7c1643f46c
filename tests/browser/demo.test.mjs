// The demo house in headless Chromium, as its first visitor sees it: the built daemon with real driver processes.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { DESK, PHONE, becomes, demoHouse, picture, tooWide, until } from './house.mjs';

const run = promisify(execFile);
let house, link;

before(async () => {
  house = await demoHouse();
  link = await house.link;
}, { timeout: 180_000 });
after(() => house?.close());

test('the login link opens a page whose values move', { timeout: 180_000 }, async () => {
  const { page, context, complaints } = await house.open(DESK, { loggedIn: false });
  await page.goto(link);
  await page.locator('[data-testid="verdict"][data-tone="good"]').waitFor();
  await page.goto(new URL('/#/instances', link).href);
  for (const id of ['mqtt.broker_local', 'solar', 'plc_001', 'inverter', 'battery', 'webhook.alert_service']) {
    await page.locator(`[data-testid="instance-${id}"][data-state="running"]`).waitFor();
  }
  await picture(page, 'instances-desktop-light');
  const details = page.getByTestId('details-solar');
  await details.locator('summary').click();
  const packets = details.locator('dt', { hasText: 'Network packets out / in' }).locator('+ dd');
  await packets.filter({ hasText: /^[1-9][\d,]* \/ [1-9][\d,]*$/ }).waitFor();
  await details.getByTestId('walls').locator('dt', { hasText: 'Privileges' }).waitFor();
  await page.getByTestId('limits-solar').click();
  await page.getByLabel('Memory in MB').fill('200');
  await page.getByRole('button', { name: 'Save' }).click();
  await details.locator('dt', { hasText: 'Memory held by' }).waitFor();
  await until('the code leaves the address bar', () => !page.url().includes('once='));

  await page.goto(new URL('/#/data?view=list', link).href);
  const cell = page.getByTestId('value-solar.solar_assistant/inverter_1/pv_power/state');
  await cell.waitFor();
  const first = await cell.textContent();
  await page.waitForFunction(
    ([id, before]) => document.querySelector(`[data-testid="${id}"]`)?.textContent !== before,
    ['value-solar.solar_assistant/inverter_1/pv_power/state', first],
  );
  await page.getByTestId('value-calc.temperature.kitchen').waitFor();
  await picture(page, 'data-desktop-light');

  await page.goto(new URL('/#/routes', link).href);
  await page.getByTestId('route-pv_in_kilowatts').waitFor();
  await picture(page, 'routes-desktop-light');
  const kept = await context.storageState();

  const phone = await house.open({ ...PHONE, storageState: kept }, { loggedIn: false });
  for (const place of ['instances', 'data', 'routes', 'alarms']) {
    await phone.visit(place);
    await phone.settled();
    const wide = await tooWide(phone.page);
    assert.equal(wide, 0, `${place} is ${wide} px wider than the phone`);
    await picture(phone.page, `${place}-phone-dark-de`);
  }
  assert.deepEqual([...complaints, ...phone.complaints], []);
});

test('after a light is switched the page shows what the light says', { timeout: 180_000 }, async () => {
  const { context, page } = await house.open(DESK);
  await page.goto(`${house.origin}/#/data?view=list`);
  const feedback = page.getByTestId('value-solar.house/light/kitchen/state');
  await feedback.waitFor();
  for (const on of [true, false]) {
    const { status, json: result } = await house.write('solar.house/light/kitchen/set', on);
    assert.deepEqual([status, result.outcome], [200, 'confirmed'], JSON.stringify(result));
    await page.waitForFunction(
      (wanted) => document.querySelector('[data-testid="value-calc.house/light/kitchen"]')?.textContent.includes(wanted),
      String(on),
    );
  }
  await context.close();
});

test('a register of the inverter reaches the PLC, and an alarm of the PLC reaches broker, webhook and log', { timeout: 180_000 }, async () => {
  const { context, page, complaints } = await house.open({ ...DESK, locale: 'de-DE' });
  await page.goto(`${house.origin}/#/data?view=list`);
  const texts = ['inverter.pv_power', 'plc_001.main.fpvpower'].map((address) => page.getByTestId(`value-${address}`));
  for (const text of texts) await text.waitFor();
  const numbers = async () => {
    const shown = await Promise.all(texts.map((text) => text.textContent()));
    return shown.map((text) => Number(text.replace(/[^0-9]/g, '')));
  };
  await becomes(() => texts[1].textContent(), /W$/, 'the unit that datapoints.json gives MAIN.fPvPower');
  // Both move; that they meet three times is no chance.
  for (let met = 0, before = -1; met < 3; met += 1) {
    before = await until('the two meet', async () => {
      const [here, there] = await numbers();
      return here === there && here !== before && here;
    });
  }

  const { connections } = house.file('connections.json');
  const port = connections.find(({ id }) => id === 'solar').config.port;
  const heard = run('mosquitto_sub', ['-h', '127.0.0.1', '-p', String(port), '-t', 'alarms/critical', '-C', '1', '-W', '60']);
  const { status, json: result } = await house.write('plc_001.MAIN.bAlarmActive', true);
  assert.deepEqual([status, result.outcome], [200, 'confirmed'], JSON.stringify(result));
  await page.waitForFunction(
    () => document.querySelector('[data-testid="value-plc_001.main.balarmactive"]')?.textContent.includes('true'),
  );
  await picture(page, 'plc-and-inverter-desktop-light-de');
  assert.equal((await heard).stdout.trim(), 'true', 'the broker got the alarm');
  const said = async () => JSON.stringify(await house.ask('GET', '/api/logs?limit=500'));
  for (const want of [/alarm_multi_target|balarmactive/i, /simulated receiver took a request/]) {
    await until(`the log says ${want}`, async () => want.test(await said()));
  }
  await becomes(() => page.getByTestId('notice').count(), 0, 'no complaint about what is shown');
  // It has the role of an alarm: the bell rings on every page until somebody acknowledges it.
  await page.waitForFunction(() => Number(document.querySelector('[data-testid="alarm-bell"]')?.dataset.waiting) === 1, undefined);
  await page.getByTestId('alarm-bell').click();
  const alarm = (state) => page.locator(`[data-testid="alarm"][data-address="plc_001.main.balarmactive"][data-state="${state}"]`);
  await alarm('active').waitFor();
  await page.getByTestId('alarm-comment').fill('Klaus sieht nach');
  await picture(page, 'alarms-desktop-light-de');
  await alarm('active').getByTestId('acknowledge').click();
  await alarm('acknowledged').waitFor();
  await page.waitForFunction(() => document.querySelector('[data-testid="alarm-event"]')?.textContent.includes('Klaus sieht nach'), undefined);
  await page.waitForFunction(() => document.querySelector('[data-testid="alarm-bell"]')?.dataset.waiting === '0', undefined);
  assert.deepEqual(complaints, []);
  await context.close();
});
