// Devices around and batteries in headless Chromium: the built daemon with two plugins that play an adapter and batteries.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESK, PHONE, barriers, enter, ownHouse, picture, tooWide, until } from './house.mjs';

const BATTERY = 'A5:C2:37:00:00:01';
const KEYED = 'C0:00:00:00:00:02';
const ALIKE = 'A4:C1:37:00:00:03';
const SENSOR = 'A4:C1:38:00:00:04';
const PHONE_AROUND = '5A:11:22:33:44:55';
const HOSTILE = 'D0:00:00:00:00:06';
let house;

before(async () => {
  house = ownHouse([
    { id: 'bt', name: 'Bluetooth', driver: 'radio', config: {} },
    { id: 'bt_bare', name: 'No adapter', driver: 'radio', config: { without: 'adapter' } },
    { id: 'bt_off', name: 'Switched off', driver: 'radio', config: { without: 'power' } },
    { id: 'cellar', name: 'Cellar', driver: 'pack', config: { cells: 8, writes: true, alarms: ['cell_overvoltage', 'b6_4'] } },
    { id: 'garage', name: 'Garage', driver: 'pack', config: { packs: ['left', 'right'], missing: 'right', cells: 4 } },
    { id: 'shed', name: 'Shed', driver: 'pack', config: { cells: 16, cold: true, doubt: 'the cells together are 26.5 V, the pack says 27.3 V' } },
    { id: 'boat', name: 'Boat', driver: 'pack', config: { cells: 0, writes: true, cold: true } },
  ]);
  await house.start();
  const ready = ({ id, state }) => state === (['bt_bare', 'bt_off'].includes(id) ? 'degraded' : 'running');
  await until('all are up', async () => (await house.ask('GET', '/api/admin/instances')).items.every(ready));
}, { timeout: 60_000 });
after(() => house?.close());

const scanned = async (address, id = 'bt') =>
  (await house.ask('POST', `/api/connections/${id}/call/scan`, { seconds: 0 })).devices.find((one) => one.address === address);
const instance = async (id) => (await house.ask('GET', '/api/admin/instances')).items.find((one) => one.id === id);
/** Nothing that a visitor's console would say, but for answers that were meant to be refusals. */
const unexpected = (complaints) => complaints.filter((line) => !/status of (404|409|422|502|503)/.test(line));

test('on a desk: who is around, pairing with and without a code, trust, services, removal', { timeout: 60_000 }, async () => {
  const { page, context, complaints, visit } = await house.open(DESK);
  await visit('home');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Bluetooth' }).click();
  const row = (address) => page.getByTestId(`device-${address}`);
  await row(BATTERY).waitFor();
  assert.equal(await page.getByTestId(/^device-/).count(), 6);
  assert.equal(await row(BATTERY).locator('[data-bars]').getAttribute('data-bars'), '4');
  for (const text of ['xiaoxiang BMS', 'JBD / Xiaoxiang', 'heard just now']) await row(BATTERY).getByText(text).first().waitFor();
  await row(KEYED).getByText(/Victron Energy .*encrypted/).waitFor();
  await row(ALIKE).getByText('perhaps Daly').waitFor();
  await row(PHONE_AROUND).getByText('without a name').waitFor();
  await row(PHONE_AROUND).getByText(/heard 4\d s ago/).waitFor();
  await page.getByTestId('held-by').getByText('Held by bt.bms_001').waitFor();
  await row(BATTERY).getByRole('img', { name: /^Loudness of xiaoxiang/ }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'bluetooth-desktop-light');

  // A hostile name is text, and the list is narrowed without losing anybody.
  assert.notEqual(await page.title(), 'taken');
  await row(HOSTILE).getByText('<img src=x', { exact: false }).waitFor();
  await page.getByText('Batteries3', { exact: true }).click();
  await row(SENSOR).waitFor({ state: 'detached' });
  await page.getByText('Known4', { exact: true }).click();
  await row(SENSOR).waitFor();
  await row(PHONE_AROUND).waitFor({ state: 'detached' });
  await page.getByText('All6', { exact: true }).click();
  await page.getByRole('searchbox').fill('ruuvi');
  await row(BATTERY).waitFor({ state: 'detached' });
  await page.getByRole('searchbox').fill('nobody');
  await page.getByRole('button', { name: 'Show all devices' }).click();
  await row(BATTERY).waitFor();

  // A wrong code is refused with its hint; the right one is asked for again.
  await row(BATTERY).getByRole('button', { name: 'Pair: xiaoxiang BMS' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Pair', exact: true }).click();
  await dialog.getByText('The device wants a code of digits').waitFor();
  await dialog.getByLabel('Code').fill('000000');
  await dialog.getByRole('button', { name: 'Send the code' }).click();
  await dialog.getByText('see the label on the battery').waitFor();
  assert.equal((await scanned(BATTERY)).paired, false);
  await dialog.getByLabel('Code').fill('123456');
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'bluetooth-pair-desktop-light');
  await dialog.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('xiaoxiang BMS is paired.').waitFor();
  assert.equal((await scanned(BATTERY)).paired, true);
  await row(BATTERY).getByText('paired', { exact: true }).waitFor();
  assert.equal(await row(BATTERY).getByRole('button', { name: /^Pair/ }).count(), 0);

  // A number to be compared: no, then yes.
  await row(KEYED).getByRole('button', { name: /^Pair/ }).click();
  await dialog.getByRole('button', { name: 'Pair', exact: true }).click();
  await dialog.getByTestId('pairing-number').getByText('421337').waitFor();
  await dialog.getByRole('button', { name: 'No', exact: true }).click();
  await dialog.getByText('the numbers were not the same').waitFor();
  await dialog.getByRole('button', { name: 'Try again' }).click();
  await dialog.getByRole('button', { name: 'Yes, the same' }).click();
  await page.getByText('SmartShunt HQ2221 is paired.').waitFor();
  assert.equal((await scanned(KEYED)).paired, true);

  // One that is typed at the device, and one that refuses.
  await row(SENSOR).getByRole('button', { name: /^Pair/ }).click();
  await dialog.getByRole('button', { name: 'Pair', exact: true }).click();
  await page.getByText('Ruuvi 7F3C is paired.').waitFor();
  assert.equal((await scanned(SENSOR)).paired, true);
  await row(PHONE_AROUND).getByRole('button', { name: /^Pair/ }).click();
  await dialog.getByRole('button', { name: 'Pair', exact: true }).click();
  await dialog.getByText('does the device wait for a pairing?').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  // The details: trust, services, removal.
  await row(BATTERY).getByRole('button', { name: 'Details: xiaoxiang BMS' }).first().click();
  await dialog.getByRole('switch', { name: 'Trusted: may connect by itself' }).click();
  await until('it is trusted', async () => (await scanned(BATTERY)).trusted);
  await dialog.getByRole('switch', { checked: true }).click();
  await until('it is not', async () => !(await scanned(BATTERY)).trusted);
  await dialog.getByRole('button', { name: 'Connect and show services' }).click();
  await dialog.getByTestId('services').getByText('Battery (180f)').waitFor();
  await dialog.getByTestId('services').getByText('= 57').waitFor();
  await dialog.getByTestId('plot').waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'bluetooth-device-desktop-light');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('dialog', { name: 'Remove xiaoxiang BMS?' }).getByRole('button', { name: 'Remove' }).click();
  await page.getByText('xiaoxiang BMS is removed.').waitFor();
  assert.equal((await scanned(BATTERY)).paired, false);
  assert.deepEqual(unexpected(complaints), []);
  await context.close();
});

test('a battery that was found becomes a connection, tested before it is saved', { timeout: 60_000 }, async () => {
  const { page, context, complaints, visit } = await house.open(DESK);
  await visit('bluetooth');
  const row = (address) => page.getByTestId(`device-${address}`);
  const dialog = page.getByRole('dialog');
  const connections = async () => (await house.ask('GET', '/api/connections')).items;

  await row(ALIKE).getByRole('button', { name: 'Add as battery: DL-40A3' }).click();
  await dialog.getByText('Other devices look the same.', { exact: false }).waitFor();
  await dialog.getByText('It does not work yet').waitFor();
  await dialog.getByText('is it the device that it is taken for?').first().waitFor();
  assert.ok(!(await connections()).some(({ config }) => config?.bluetooth === ALIKE), 'a test saves nothing');
  // All settings, with what is known in them.
  await dialog.getByRole('button', { name: 'All settings' }).click();
  await page.getByRole('heading', { name: 'New connection' }).waitFor();
  assert.equal(await page.getByLabel('Bluetooth').inputValue(), ALIKE);
  await page.goBack();
  await page.getByRole('dialog').getByRole('button', { name: 'Leave without saving' }).click({ timeout: 2_000 }).catch(() => {});

  // A key that is missing, then wrong, then right.
  await row(KEYED).getByRole('button', { name: /^Add as battery/ }).click();
  await dialog.getByRole('button', { name: 'Test', exact: true }).click();
  await until('it says what is missing', async () => (await dialog.locator('[aria-invalid="true"]').count()) === 1);
  await dialog.getByLabel('Key').fill('guessed');
  await dialog.getByRole('button', { name: 'Test', exact: true }).click();
  await dialog.getByText('the key does not open what the device tells').first().waitFor();
  await dialog.getByLabel('Key').fill('open sesame');
  await dialog.getByText('The settings have changed since this test.').waitFor();
  await dialog.getByRole('button', { name: 'Test again' }).click();
  await dialog.getByText('It works').waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'bluetooth-add-desktop-light');
  await dialog.getByLabel('Name').fill('Shunt');
  await dialog.getByRole('button', { name: 'Save and start' }).click();
  await page.getByRole('heading', { name: 'Batteries' }).waitFor();
  const made = (await connections()).find(({ id }) => id === 'shunt');
  assert.deepEqual([made.driver, made.config.bluetooth, made.name], ['pack', KEYED, 'Shunt']);
  assert.equal(house.file('connections.json').connections.find(({ id }) => id === 'shunt').config.key, 'open sesame');
  await until('it runs', async () => (await instance('shunt')).state === 'running');

  // One that is read already leads to its page.
  await visit('bluetooth');
  await row(KEYED).getByRole('button', { name: 'Open Shunt' }).click();
  await page.getByTestId('pack-shunt-soc').getByText('76').waitFor();
  assert.ok(page.url().endsWith('id=shunt'));

  // Without a test that went well it can be saved all the same, since it may be out of reach today.
  await visit('bluetooth');
  await row(ALIKE).getByRole('button', { name: /^Add as battery/ }).click();
  await dialog.getByRole('button', { name: 'Save all the same' }).click();
  await until('it is saved', async () => (await connections()).some(({ config }) => config?.bluetooth === ALIKE));
  assert.deepEqual(unexpected(complaints), []);
  await context.close();
});

test('without an adapter the page says what is missing, and one that is off is switched on', { timeout: 60_000 }, async () => {
  const { page, context, visit } = await house.open({ ...PHONE, colorScheme: 'light' });
  await visit('bluetooth?id=bt_bare');
  await page.getByText('Bluetooth geht gerade nicht').waitFor();
  await page.getByText('there is no Bluetooth adapter', { exact: false }).first().waitFor();
  await page.getByText('rfkill unblock bluetooth', { exact: false }).first().waitFor();
  assert.equal(await tooWide(page), 0);
  assert.deepEqual(await barriers(page), []);
  assert.equal(await page.getByRole('button', { name: 'Adapter einschalten' }).count(), 0, 'there is none to be switched on');
  await picture(page, 'bluetooth-bare-phone-light-de');
  await page.getByRole('navigation', { name: 'Adapter' }).getByRole('link', { name: /Switched off/ }).click();
  await page.getByText('is switched off', { exact: false }).first().waitFor();
  await page.getByRole('button', { name: 'Adapter einschalten' }).click();
  await page.getByTestId(`device-${BATTERY}`).waitFor();
  await until('it is on', async () => (await instance('bt_off')).state === 'running');
  await house.call('POST', '/api/admin/instances/bt_bare/stop');
  await page.getByRole('navigation', { name: 'Adapter' }).getByRole('link', { name: /No adapter/ }).click();
  await page.getByText('Diese Instanz läuft nicht').waitFor();
  await page.getByRole('button', { name: 'Verbindung öffnen' }).click();
  await until('its connection is open', () => page.url().includes('edit=bt_bare'));
  await context.close();
});

test('on a phone, in German and in the dark: devices, pairing, adding', { timeout: 60_000 }, async () => {
  const { page, context, complaints, visit } = await house.open(PHONE);
  await visit('bluetooth');
  await page.getByTestId(`device-${BATTERY}`).waitFor();
  await page.setViewportSize({ width: 320, height: 844 });
  assert.equal(await tooWide(page), 0);
  await page.setViewportSize(PHONE.viewport);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'bluetooth-phone-dark-de');
  await page.getByRole('button', { name: 'Einzelheiten: xiaoxiang BMS' }).first().click();
  await page.getByTestId('device-detail').getByText('Empfang im Verlauf').waitFor();
  assert.equal(await tooWide(page), 0);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'bluetooth-device-phone-dark-de');
  await page.getByRole('dialog').getByRole('button', { name: 'Als Batterie aufnehmen' }).click();
  await page.getByText('Es geht', { exact: false }).first().waitFor();
  assert.equal(await tooWide(page), 0);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'bluetooth-add-phone-dark-de');
  await page.getByRole('button', { name: 'Schließen' }).click();
  assert.deepEqual(unexpected(complaints), []);
  await context.close();
});

test('a battery with its cells, alarms in words and switches that ask first', { timeout: 60_000 }, async () => {
  const { page, context, complaints, visit } = await house.open(DESK);
  await visit('home');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Batteries' }).click();
  await page.getByRole('navigation', { name: 'Battery' }).getByRole('link', { name: /Cellar/ }).click();
  const pack = page.getByTestId('pack-cellar');
  await pack.getByRole('img', { name: 'State of charge 76%' }).waitFor();
  await until('the cells are there', async () => (await page.getByTestId('pack-cellar-cells').getByRole('listitem').count()) === 8);
  await pack.getByText('discharging', { exact: true }).waitFor();
  const cells = page.getByTestId('pack-cellar-cells').getByRole('listitem');
  await cells.filter({ hasText: 'Cell 3: 3.288 V, lowest' }).waitFor();
  await cells.filter({ hasText: 'Cell 5: 3.342 V, highest' }).waitFor();
  await page.getByTestId('pack-cellar-delta').getByText('54 mV').waitFor();
  await page.getByTestId('pack-cellar-alarms').getByRole('link', { name: 'Cell: overvoltage' }).waitFor();
  await page.getByTestId('pack-cellar-alarms').getByRole('link', { name: 'b6 4' }).waitFor();
  await page.getByTestId('pack-cellar-limits').getByText('Cell: undervoltage').waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'battery-desktop-light');

  const discharge = pack.getByRole('switch', { name: 'Discharging' });
  await discharge.click();
  await page.getByRole('dialog').getByText('Switch Discharging off?', { exact: false }).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await house.datapoint('cellar.discharge_mos')).value, true);
  await discharge.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Switch off' }).click();
  await pack.getByText('The battery has confirmed it.').waitFor();
  await until('it is off', async () => (await house.datapoint('cellar.discharge_mos')).value === false);
  await pack.getByRole('switch', { name: 'Discharging', checked: false }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Switch on' }).click();
  await until('it is on again', async () => (await house.datapoint('cellar.discharge_mos')).value === true);

  // A battery that refuses says why; one whose driver does not let it be switched has no switch.
  await page.getByRole('navigation', { name: 'Battery' }).getByRole('link', { name: /Boat/ }).click();
  const boat = page.getByTestId('pack-boat');
  await boat.getByText('No alarm; 6 are watched').waitFor();
  await house.write('boat.charge_mos', false);
  await boat.getByRole('switch', { name: 'Charging', checked: false }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Switch on' }).click();
  await boat.getByText('too cold to be switched on', { exact: false }).waitFor();
  await boat.getByText('warm it up first').waitFor();
  await page.getByRole('navigation', { name: 'Battery' }).getByRole('link', { name: /Shed/ }).click();
  await page.getByTestId('pack-shed-switches').getByText('Switching is not allowed in the connection.').waitFor();
  assert.equal(await page.getByTestId('pack-shed').getByRole('switch').count(), 0);

  await page.getByRole('button', { name: 'All datapoints' }).click();
  await page.getByRole('heading', { name: 'Data', exact: true }).waitFor();
  await page.goBack();
  await page.getByRole('button', { name: 'Open the connection' }).click();
  await until('its connection is open', () => page.url().includes('edit=shed'));
  assert.deepEqual(unexpected(complaints), []);
  await context.close();
});

test('on a phone, in German and in the dark: doubts with their reason, a bank with a pack that is missing', { timeout: 60_000 }, async () => {
  const { page, context, complaints, visit } = await house.open(PHONE);
  await visit('batteries?id=shed');
  await page.getByTestId('pack-shed-doubts').getByText('die Zellen sind zusammen 26,5 V, das Pack sagt 27,3 V').waitFor();
  await page.getByTestId('pack-shed-doubts').getByText('Zweifelhaft: unplausibel', { exact: false }).waitFor();
  await until('its voltage is marked', async () => (await page.getByTestId('pack-shed-voltage').getAttribute('data-quality')) === 'uncertain');
  await page.setViewportSize({ width: 320, height: 844 });
  assert.equal(await tooWide(page), 0);
  await page.setViewportSize(PHONE.viewport);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'battery-phone-dark-de');
  await page.getByRole('navigation', { name: 'Batterie' }).getByRole('link', { name: /Garage/ }).click();
  const bank = page.getByTestId('pack-bank');
  await bank.getByText('1 von 2 Packs antworten').waitFor();
  await page.getByTestId('pack-bank-doubts').getByText('right antwortet nicht; die Summe ist die der anderen').waitFor();
  await page.getByTestId('pack-left').getByText('Kein Alarm; 6 werden überwacht').waitFor();
  await page.getByTestId('pack-right').getByText('Ob ein Alarm ansteht, ist nicht bekannt').waitFor();
  await page.getByTestId('pack-right').getByRole('img', { name: 'Ladezustand unbekannt' }).waitFor();
  assert.equal(await tooWide(page), 0);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'battery-bank-phone-dark-de');
  assert.deepEqual(unexpected(complaints), []);
  await context.close();
});

test('a viewer sees batteries and switches nothing; the pages have their place only where there is such a device', { timeout: 60_000 }, async () => {
  const viewer = await enter(house, DESK, 'viewer');
  await viewer.visit('batteries?id=cellar');
  await viewer.page.getByTestId('pack-cellar-soc').getByText('76').waitFor();
  assert.equal(await viewer.page.getByRole('switch').count(), 0);
  assert.equal(await viewer.page.getByRole('link', { name: 'Bluetooth' }).count(), 0);
  await viewer.context.close();

  const empty = await ownHouse([]).start();
  try {
    const { page, visit } = await empty.open(DESK);
    await visit('home');
    await page.getByRole('link', { name: 'Instances' }).first().waitFor();
    assert.equal(await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: /Bluetooth|Batteries/ }).count(), 0);
    await visit('batteries');
    await page.getByRole('button', { name: 'Add a battery' }).click();
    await until('the form of a battery is open', () => page.url().includes('driver=pack'));
    await visit('bluetooth');
    await page.getByRole('button', { name: 'Add the adapter' }).click();
    await until('the form of the adapter is open', () => page.url().includes('driver=radio'));
  } finally {
    await empty.close();
  }
});
