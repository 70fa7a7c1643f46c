// The first run in headless Chromium: from the set-up code of an empty house to the first live value of a real peer.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { DESK, PHONE, barriers, becomes, freePort, ownHouse, picture, tooWide, until } from './house.mjs';
import { modbusDevice } from './modbus.mjs';

const TWO_MINUTES_MS = 120_000;
const houses = [];
let device;
let broker;
let brokerPort;
let stopPublishing = () => {};

before(async () => {
  device = await modbusDevice([1]);
  brokerPort = await freePort();
  broker = spawn('mosquitto', ['-p', String(brokerPort)], { stdio: 'ignore' });
}, { timeout: 180_000 });
after(async () => {
  stopPublishing();
  await Promise.all(houses.map((house) => house.close()));
  await device?.close();
  broker?.kill();
});

/** A house in which nobody has been yet, and its set-up code. */
async function emptyHouse() {
  const house = await ownHouse([], { plugins: 'target/debug/plugins' }).start();
  houses.push(house);
  const code = await until('the set-up code', () => house.said.match(/\b[A-Z0-9]{4}(-[A-Z0-9]{4})+\b/)?.[0]);
  return { house, code };
}

async function setUp(page, { house, code }, words) {
  await page.goto(`${house.origin}/`);
  await page.getByLabel(words.code).fill(code);
  await page.getByLabel(words.name).fill('anna');
  await page.getByLabel(words.password, { exact: true }).fill('Kellerlicht-2026');
  await page.getByLabel(words.repeat).fill('Kellerlicht-2026');
  await page.getByRole('button', { name: words.submit }).click();
}

/** Publishes a counter until it is told to stop. */
function publishing(topic) {
  let nth = 20;
  const publish = () => spawn('mosquitto_pub', ['-p', String(brokerPort), '-t', topic, '-m', String((nth += 1))], { stdio: 'ignore' });
  const timer = setInterval(publish, 400);
  return () => clearInterval(timer);
}

test('on a desk, in English: from the code to the first value of a Modbus device', { timeout: 180_000 }, async () => {
  const empty = await emptyHouse();
  const { page, complaints } = await empty.house.open(DESK, { loggedIn: false });
  const begun = Date.now();
  await setUp(page, empty, { code: 'One-time code', name: 'Your name', password: 'Password', repeat: 'Password again', submit: 'Create account' });
  await page.getByRole('heading', { name: 'The first connection' }).waitFor();
  await page.getByRole('button', { name: /Modbus device/ }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'first-driver-desktop-light');
  // It can wait, and is offered wherever there is nothing yet.
  await page.getByRole('button', { name: 'Later' }).click();
  for (const path of ['instances', 'connections']) {
    await page.goto(`${empty.house.origin}/#/${path}`);
    await page.getByRole('button', { name: 'Make the first connection' }).click();
    await page.getByRole('heading', { name: 'The first connection' }).waitFor();
  }
  await page.getByRole('button', { name: /Modbus device/ }).click();

  await page.getByLabel('Name', { exact: true }).fill('Wärmepumpe im Keller');
  await becomes(() => page.getByLabel(/^Id/).inputValue(), 'waermepumpe_im_keller');
  await page.getByLabel('Name or address').fill('127.0.0.1');
  await page.getByLabel('TCP port').fill(String(device.port));
  await page.getByRole('button', { name: 'Add: Registers' }).click();
  const register = page.getByRole('group', { name: 'Registers' });
  await register.getByLabel('Name', { exact: true }).fill('flow_temperature');
  await register.getByLabel('Table', { exact: true }).selectOption({ label: 'holding' });
  await register.getByLabel('Address', { exact: true }).fill('5');
  await register.getByLabel('Unit', { exact: true }).fill('°C');
  await page.getByRole('button', { name: 'Test', exact: true }).click();
  await page.getByText('It works').waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'first-settings-desktop-light');
  await page.getByRole('button', { name: 'Save and start' }).click();

  await page.getByRole('heading', { name: 'Wärmepumpe im Keller is connected' }).waitFor();
  const value = page.getByTestId('value-waermepumpe_im_keller.flow_temperature');
  await until('a live value', async () => /\d/.test((await value.count()) ? await value.textContent() : ''));
  assert.ok(Date.now() - begun < TWO_MINUTES_MS, 'the way took longer than two minutes');
  const first = await value.textContent();
  await until('the value changes', async () => (await value.textContent()) !== first);
  const point = await empty.house.datapoint('waermepumpe_im_keller.flow_temperature');
  assert.equal(point.quality, 'good');
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'first-values-desktop-light');

  await page.getByRole('button', { name: 'Open the data tree' }).click();
  await page.getByRole('heading', { name: 'Data', exact: true }).waitFor();
  await page.goBack();
  await page.getByRole('button', { name: 'Make a route' }).click();
  await page.getByRole('heading', { name: 'Routes', exact: true }).waitFor();
  await page.goBack();
  await page.getByRole('button', { name: 'Add another connection' }).click();
  await page.getByRole('heading', { name: 'Which device?' }).waitFor();
  assert.deepEqual(complaints.filter((line) => !line.includes('401')), []);
});

test('on a phone, in German and in the dark: from the code to the first topic of a broker', { timeout: 180_000 }, async () => {
  const empty = await emptyHouse();
  stopPublishing = publishing('keller/temperatur');
  const { page, complaints } = await empty.house.open(PHONE, { loggedIn: false });
  await setUp(page, empty, { code: 'Einmal-Code', name: 'Ihr Name', password: 'Passwort', repeat: 'Passwort wiederholen', submit: 'Konto anlegen' });
  await page.getByRole('heading', { name: 'Die erste Verbindung' }).waitFor();
  const later = page.getByRole('button', { name: 'Später' });
  await page.getByRole('button', { name: /^MQTT-Broker Liest/ }).waitFor();
  assert.equal(await tooWide(page), 0);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'first-driver-phone-dark-de');
  await page.getByRole('button', { name: /^MQTT-Broker Liest/ }).click();

  // What is missing is said, and what was typed for another device is still there.
  await page.getByRole('button', { name: 'Testen' }).click();
  await page.getByText('Hier fehlt etwas.').waitFor();
  await page.getByLabel('Name oder Adresse').fill('127.0.0.1');
  await page.getByRole('button', { name: 'Anderes Gerät' }).click();
  await page.getByRole('button', { name: /^MQTT-Broker Liest/ }).click();
  await becomes(() => page.getByLabel('Name oder Adresse').inputValue(), '127.0.0.1');
  await page.getByLabel('TCP-Port').fill('1');
  await page.getByRole('button', { name: /[Tt]esten/ }).click();
  await page.getByText('Es geht noch nicht').waitFor();
  await page.getByText(/^wartet auf 127\.0\.0\.1:1 \(Verbindung abgelehnt\) seit /).waitFor();
  assert.equal(await tooWide(page), 0);
  await picture(page, 'first-test-failed-phone-dark-de');
  await page.getByLabel('TCP-Port').fill(String(brokerPort));
  await page.getByText('Die Einstellungen haben sich seit diesem Test geändert.').waitFor();
  await page.getByRole('button', { name: 'Noch einmal testen' }).click();
  await page.getByText('Es geht', { exact: false }).filter({ hasNotText: 'noch nicht' }).first().waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.getByRole('button', { name: 'Speichern und starten' }).click();

  await page.getByRole('heading', { name: 'mqtt ist verbunden' }).waitFor();
  const value = page.getByTestId('value-mqtt.keller/temperatur');
  await until('a live value', async () => /\d/.test((await value.count()) ? await value.textContent() : ''));
  stopPublishing();
  assert.equal(await tooWide(page), 0);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'first-values-phone-dark-de');
  await becomes(() => later.count(), 0);
  assert.deepEqual(complaints.filter((line) => !line.includes('401')), []);
});
