// The data page in headless Chromium: one tree over everything, what can be done with a datapoint, and what strangers call things.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DESK, PHONE, barriers, becomes, demoHouse, enter, ownHouse, picture, tooWide, until } from './house.mjs';

/** Names as strangers make them. */
const STRANGE = [
  '<img src=x onerror="document.title=1">', '"><script>document.title=2</script>', '', 'x'.repeat(10_000), 'שלום עולם \u202Eevil',
  '../../etc/passwd', 'a/b//c', 'dots.in.the.name', '{{7*7}}', "' OR 1=1 --", 'Küche <b>fett</b>',
];
const SYMBOLS = `<PlcProjectInfo><Symbols><Symbol><Name>MAIN.nMode</Name><Type>INT</Type>
  <Comment>Betriebsart aus der Datei</Comment><BitSize>16</BitSize></Symbol></Symbols></PlcProjectInfo>`;

let house, demo;

/** What bars the way on this page; the header has tests of its own. */
const barred = async (page) => (await barriers(page)).filter((line) => !/ at (\.open|button\[popovertarget)/.test(line));

before(async () => {
  house = ownHouse([
    { id: 'forest', name: 'Forest', driver: 'forest', config: { folders: 12, leaves: 1_200, per_second: 200 } },
    { id: 'odd', driver: 'forest', config: { names: STRANGE } },
    { id: 'slow', name: 'Slow one', driver: 'forest', config: { folders: 1, leaves: 1, slow_s: 60 } },
    { id: 'stopped', name: 'Stopped one', driver: 'forest', enabled: false, config: { folders: 1, leaves: 1 } },
    { id: 'own', driver: 'virtual' },
  ]);
  [demo] = await Promise.all([demoHouse(), house.start()]);
  await until('the plugins run', async () =>
    (await house.ask('GET', '/api/admin/instances')).items.filter(({ state }) => state === 'running').length === 4);
}, { timeout: 180_000 });
after(() => Promise.all([house?.close(), demo?.close()]));

const item = (page, name) => page.getByRole('treeitem', { name });
/** Unfolds one by one. */
async function unfold(page, ...names) {
  for (const name of names) {
    const row = item(page, name).first();
    await row.waitFor();
    if ((await row.getAttribute('aria-expanded')) === 'false') await row.click();
  }
}
const live = (page, address) => page.locator(`[data-testid="value-${address}"][data-quality="good"]`);

test('a tree of many is walked by the keys, loads as one goes, and keeps its place while values stream', { timeout: 180_000 }, async () => {
  const { page, complaints, visit } = await house.open(DESK);
  await visit('data');
  await unfold(page, /^Forest/);
  await unfold(page, /^folder_000/);
  await live(page, 'forest.folder_000/tag_0001').waitFor();
  // Beyond 2^53 to the last digit.
  await page.waitForFunction(() => /^9,007,199,254,74\d,\d{3}$/.test(document.querySelector('[data-testid="value-forest.folder_000/tag_0001"]')?.textContent ?? ''));
  const tree = page.getByRole('tree');
  await becomes(() => tree.evaluate((one) => one === document.activeElement), true, 'the tree has the focus after a click');
  const active = () => tree.evaluate((one) => document.getElementById(one.getAttribute('aria-activedescendant'))?.querySelector('.name')?.textContent);
  const press = async (key, want) => {
    await page.keyboard.press(key);
    await until(`${key} leads to ${want}, not ${await active()}`, async () => (await active()) === want);
  };
  await press('ArrowDown', 'tag_0000');
  await press('ArrowDown', 'tag_0001');
  await press('ArrowUp', 'tag_0000');
  await press('ArrowLeft', 'folder_000');
  // The end is a page of children further each time.
  await page.keyboard.press('ArrowLeft');
  await press('End', 'The house itself (system)');
  await press('Home', 'Forest');
  for (const letter of 'folder_01') await page.keyboard.press(letter);
  await until('typing leads there', async () => (await active()) === 'folder_010');
  await page.keyboard.press('ArrowRight');
  await item(page, /^tag_0000/).first().waitFor();
  await press('ArrowRight', 'tag_0000');
  for (let pages = 0; pages < 60 && (await active()) !== 'tag_1199'; pages += 1) await page.keyboard.press('PageDown');
  await until('all 1,200 children are there', async () => {
    await page.keyboard.press('PageUp');
    return Number(await tree.getAttribute('data-rows')) >= 1_200;
  });
  await until('only what is seen is there', async () => (await page.getByRole('treeitem').count()) < 80);
  // What one looks at stays where it is although values come and the tree is asked for again.
  const place = () => page.evaluate(() => [scrollY, [...document.querySelectorAll('[role=treeitem]')].map((one) => one.textContent.slice(0, 9)).join()]);
  const before = await place();
  const asked = page.waitForResponse((answer) => answer.url().includes('/api/browse?'));
  await asked;
  await becomes(place, before);
  await picture(page, 'data-tree-desktop-light');
  assert.deepEqual(await barred(page), []);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test('a slow and a stopped instance say so and hold up nobody else', { timeout: 180_000 }, async () => {
  const { page, complaints, visit } = await house.open(DESK);
  await house.write('own.power', 5);
  await visit('data');
  await unfold(page, /^Slow one/);
  await page.getByText('Loading …').first().waitFor();
  await unfold(page, /^Stopped one/);
  await page.getByText('the instance does not run (').waitFor();
  await unfold(page, /^own/);
  await live(page, 'own.power').waitFor();
  await house.ask('POST', '/api/admin/instances/stopped/start');
  await until('it runs', async () => (await house.ask('GET', '/api/admin/instances')).items.find(({ id }) => id === 'stopped').state === 'running');
  // Started, it is there by itself, while the slow one is still waited for.
  await item(page, /^folder_000/).waitFor();
  await page.getByText('Loading …').first().waitFor();
  // What failed is asked again at the press of a button.
  let fails = true;
  await page.route(/api\/browse\?instance=odd/, (route) => {
    const problem = { title: 'Unavailable', detail: 'the device is away', hint: 'is it switched on?' };
    return fails ? route.fulfill({ status: 503, json: problem }) : route.continue();
  });
  await unfold(page, /^odd( |$)/);
  await page.getByRole('alert').filter({ hasText: 'the device is away – is it switched on?' }).waitFor();
  fails = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await item(page, /passwd/).waitFor();
  const quiet = complaints.filter((line) => !line.includes('503'));
  assert.deepEqual(quiet, []);
  await page.context().close();
});

test('names of strangers are texts, in the tree, in the search and in the details', { timeout: 180_000 }, async () => {
  const { page, complaints, visit } = await house.open(PHONE);
  await visit('data');
  await unfold(page, /^odd( |$)/);
  await item(page, /onerror/).waitFor();
  await item(page, /ohne Namen/).waitFor();
  assert.equal(await tooWide(page), 0);
  await picture(page, 'data-strange-phone-dark-de');
  await item(page, /^x{20}.*zu lang/).waitFor();
  for (const name of [/onerror/, /שלום/, /passwd/]) {
    await item(page, name).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByTestId('whole').waitFor();
    assert.equal(await tooWide(page), 0, String(name));
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }
  await page.getByRole('searchbox').fill('KUCHE <b>');
  await page.locator('[data-testid="found"][data-waits]').waitFor();
  await item(page, /fett/).waitFor();
  await becomes(() => page.title(), /Fieldrail/, 'nothing ran');
  assert.deepEqual(await barred(page), []);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test('filters by text with umlauts, type, source and quality find what is meant, and an empty result says so', { timeout: 180_000 }, async () => {
  const { page, complaints, visit } = await house.open(DESK);
  await visit('data?instance=forest');
  const found = (text) => page.locator('[data-testid="found"][data-waits="false"]', { hasText: text }).waitFor();
  const search = page.getByRole('searchbox');
  await search.fill('kuchenlicht');
  await found('1 found');
  await item(page, /folder_000\/tag_0005/).waitFor();
  await live(page, 'forest.folder_000/tag_0005').waitFor();
  await search.fill('tag_0');
  await page.getByLabel('Type').selectOption('bool');
  await found(/^\d+\+ found/);
  for (const row of await item(page, /tag_0/).all()) assert.match(await row.textContent(), /BOOL/);
  await picture(page, 'data-found-desktop-light');
  await page.getByLabel('Quality').selectOption('good');
  await until('the data space knows some', async () => (await item(page, /tag_0/).count()) > 0);
  await search.fill('no such name');
  await page.getByText('Nothing found').waitFor();
  assert.deepEqual(await barred(page), []);
  await page.getByRole('button', { name: 'Clear all filters' }).first().click();
  await item(page, /^Forest/).waitFor();
  await becomes(() => new URL(page.url()).hash, '#/data');
  // The flat list takes the same.
  await visit('data?view=list&search=tag_0001&instance=forest');
  await page.locator('[data-testid="value-forest.folder_000/tag_0001"]').waitFor();
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test('a datapoint is written after a question, pulsed, followed, copied, plotted and explained', { timeout: 180_000 }, async () => {
  const { page, context, complaints, visit } = await house.open(DESK);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await visit('data');
  await unfold(page, /^Forest/);
  await unfold(page, /^folder_011/);
  const address = 'forest.folder_011/tag_0002';
  await live(page, address).waitFor();
  await page.getByTestId(`node-${address}`).click();
  const dialog = page.getByRole('dialog').first();
  for (const text of ['0x4020:', '8 bytes', 'value 13202 of the forest', 'LREAL']) await dialog.getByText(text).first().waitFor();
  const form = dialog.getByTestId('write-form');
  await form.getByLabel('New value').fill('21.5');
  await form.getByRole('button', { name: 'Write' }).click();
  const question = page.getByRole('dialog', { name: 'Write to the device?' });
  await question.getByText('21.5').waitFor();
  await question.getByRole('button', { name: 'Cancel' }).click();
  await until('a no writes nothing', async () => (await house.datapoint(address)).value !== 21.5);
  await becomes(() => form.getByLabel('New value').inputValue(), '21.5', 'what was typed is there');
  await form.getByRole('button', { name: 'Write' }).click();
  await page.getByTestId('confirm-yes').click();
  await dialog.getByText('Confirmed by the device.').waitFor();
  await becomes(async () => (await house.datapoint(address)).value, 21.5);
  await form.getByLabel('As').selectOption('text');
  await form.getByLabel('New value').fill('no');
  await form.getByRole('button', { name: 'Write' }).click();
  await page.getByTestId('confirm-yes').click();
  await dialog.getByText('Rejected: the forest says no').waitFor();
  await dialog.getByText('say please').waitFor();

  const pulse = dialog.getByTestId('pulse-form');
  await pulse.getByLabel('Duration in ms').fill('9000');
  await pulse.getByRole('button', { name: 'Pulse' }).click();
  await pulse.getByText('A pulse lasts 50 to 5000 ms.').waitFor();
  await pulse.getByLabel('Duration in ms').fill('100');
  await pulse.getByLabel('Value').fill('7');
  await pulse.getByRole('button', { name: 'Pulse' }).click();
  await page.getByTestId('confirm-yes').click();
  await pulse.getByText('The pulse has begun').waitFor();
  await until('it ends', async () => (await house.datapoint(address)).value === 0);
  await picture(page, 'data-point-desktop-light');
  assert.deepEqual(await barred(page), []);

  await dialog.getByRole('button', { name: 'Copy address' }).click();
  await becomes(() => page.evaluate(() => navigator.clipboard.readText()), address);
  await becomes(() => dialog.getByRole('link', { name: 'Make a route' }).getAttribute('href'), /^#\/routes\?from=forest\.folder_011%2Ftag_0002$/);

  await dialog.getByText('History', { exact: true }).click();
  const rows = dialog.getByTestId('history').locator('tbody tr');
  for (const value of ['21.5', '7', '0']) await rows.filter({ hasText: value }).first().waitFor();
  const lately = async () => (await house.ask('GET', `/api/datapoint/history?address=${encodeURIComponent(address)}`)).items.slice(-3);
  await becomes(async () => (await lately()).map(({ value }) => value), [21.5, 7, 0]);
  const curve = dialog.getByRole('slider');
  await curve.focus();
  await page.keyboard.press('Home');
  const oldest = await curve.getAttribute('aria-valuetext');
  await page.keyboard.press('End');
  await until('it is another', async () => (await curve.getAttribute('aria-valuetext')) !== oldest);
  await curve.hover();
  await house.write(address, 99);
  await dialog.locator('tbody tr', { hasText: '99' }).waitFor();
  await picture(page, 'data-history-desktop-light');
  assert.deepEqual(await barred(page), []);

  await dialog.getByText('Why', { exact: true }).click();
  await dialog.getByTestId('because').filter({ hasText: 'It says so itself' }).waitFor();
  await picture(page, 'data-why-desktop-light');
  await dialog.getByRole('button', { name: 'Follow' }).click();
  await dialog.getByRole('button', { name: 'Stop following' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await item(page, /^Followed/).waitFor();
  await page.reload();
  await page.getByTestId(`node-${address}`).waitFor();
  await page.getByTestId(`node-${address}`).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop following' }).click();
  await page.keyboard.press('Escape');
  await item(page, /^Followed/).waitFor({ state: 'detached' });
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a viewer looks and an operator writes: each is offered what they may do and no more', { timeout: 180_000 }, async () => {
  const address = 'forest.folder_003/tag_0002';
  for (const [role, may] of [['viewer', 0], ['operator', 1]]) {
    const { page, context, complaints, visit } = await enter(house, DESK, role);
    await visit('data');
    // To publish and to bring in files is for administrators.
    await unfold(page, /^odd( |$)/);
    await item(page, /passwd/).waitFor();
    await becomes(() => page.getByRole('button', { name: /^Publish|^Upload/ }).count(), 0, role);
    await unfold(page, /^Forest/, /^folder_003/);
    await live(page, address).waitFor();
    await page.getByTestId(`node-${address}`).click();
    const dialog = page.getByRole('dialog').first();
    await dialog.getByRole('button', { name: 'Copy address' }).waitFor();
    await becomes(() => dialog.getByTestId('write-form').count(), may, role);
    await becomes(() => dialog.getByTestId('pulse-form').count(), may, role);
    await becomes(() => dialog.getByRole('link', { name: 'Make a route' }).count(), 0, `${role}: routes are for administrators`);
    assert.deepEqual(await barred(page), []);
    if (may) {
      await dialog.getByTestId('write-form').getByLabel('New value').fill('17');
      await dialog.getByTestId('write-form').getByRole('button', { name: 'Write' }).click();
      await page.getByTestId('confirm-yes').click();
      await dialog.getByText('Confirmed by the device.').waitFor();
      await becomes(async () => (await house.datapoint(address)).value, 17);
    }
    assert.deepEqual(complaints, []);
    await context.close();
  }
});

test('what an instance can publish goes out, a new topic appears by itself, and an address is followed before it is there', { timeout: 180_000 }, async () => {
  const { page, context, complaints, visit } = await house.open(DESK);
  await visit('data');
  await page.getByRole('button', { name: 'Follow an address' }).click();
  const follow = page.getByRole('dialog');
  await follow.getByLabel('Address').fill('nobody.x');
  await follow.getByRole('button', { name: 'Follow' }).click();
  await follow.getByText('An address begins with the id of an instance').waitFor();
  await follow.getByLabel('Address').fill('odd.a/new/topic');
  await follow.getByRole('button', { name: 'Follow' }).click();
  await item(page, /a\/new\/topic/).waitFor();
  await unfold(page, /^odd( |$)/);
  await item(page, /passwd/).waitFor();
  await page.getByRole('button', { name: 'Publish … (odd)' }).click();
  const form = page.getByTestId('publish-form');
  await form.getByLabel('Topic').fill('a/new/topic');
  await form.getByLabel('Payload').fill('{"big": 9007199254740993}');
  await form.getByLabel('The broker keeps it').check();
  assert.deepEqual(await barred(page), []);
  await picture(page, 'data-publish-desktop-light');
  await form.getByRole('button', { name: 'Publish' }).click();
  await form.getByText('Published.').waitFor();
  await page.keyboard.press('Escape');
  await becomes(async () => (await house.datapoint('odd.a/new/topic')).value, '{"big": 9007199254740993}');
  await page.getByTestId('node-odd.a/new/topic').nth(1).waitFor();
  await page.getByTestId('node-odd.a/new/topic').first().click();
  await page.getByTestId('whole').filter({ hasText: '"big": 9007199254740993' }).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop following' }).click();
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a symbol file goes up in the PLC\'s tree, and a foreign one is refused with its name', { timeout: 180_000 }, async () => {
  await until('the PLC is there', async () =>
    (await demo.ask('GET', '/api/admin/instances')).items.find(({ id }) => id === 'plc_001').state === 'running');
  const { page, context, complaints, visit } = await demo.open(DESK);
  await visit('data?instance=plc_001');
  await unfold(page, /^PLC in the cellar/, /^MAIN/);
  await item(page, /^nMode/).waitFor();
  await page.getByRole('button', { name: 'Upload a file … (plc_001)' }).click();
  const form = page.getByTestId('import-form');
  await form.getByRole('button', { name: 'Upload', exact: true }).click();
  await form.getByText('Please choose a file.').waitFor();
  const [wrong, right] = [join(demo.folder, 'photo.tpy'), join(demo.folder, 'house.tpy')];
  writeFileSync(wrong, 'not what it says');
  writeFileSync(right, `${SYMBOLS}<!-- ${'x'.repeat(1_200_000)} -->`);
  await form.getByLabel(/^File/).setInputFiles(wrong);
  await form.getByRole('button', { name: 'Upload', exact: true }).click();
  await form.getByRole('alert').filter({ hasText: 'photo.tpy' }).waitFor();
  await form.getByText('TwinCAT PLC Control writes it beside the project').waitFor();
  await form.getByLabel(/^File/).setInputFiles(right);
  // Given up while its second piece is under way, it is not taken.
  const pieces = [];
  await page.route('**/call/import', (route) => (pieces.push(route.request().postDataJSON()), pieces.length > 1 ? undefined : route.continue()));
  await form.getByRole('button', { name: 'Upload', exact: true }).click();
  await until('a piece is under way', () => pieces.length === 2);
  await form.getByRole('progressbar', { name: 'Upload' }).waitFor();
  await form.getByRole('button', { name: 'Cancel' }).click();
  await form.getByText('Cancelled. The file was not taken.').waitFor();
  await page.unroute('**/call/import');
  const known = async () => (await demo.ask('GET', '/api/browse/search?instance=plc_001&search=nMode')).items.map(({ source }) => source);
  assert.ok((await known()).every((source) => source === 'device'), String(await known()));
  await form.getByRole('button', { name: 'Upload', exact: true }).click();
  await form.getByText('Taken. Variables: 1').waitFor();
  assert.deepEqual(await barred(page), []);
  await picture(page, 'data-import-desktop-light');
  await page.keyboard.press('Escape');
  await item(page, /Betriebsart aus der Datei/).waitFor();
  await item(page, /^nMode/).click();
  await page.getByText('device and .tpy file').waitFor();
  await page.keyboard.press('Escape');
  const found = await demo.ask('GET', '/api/browse/search?instance=plc_001&search=betriebsart');
  assert.equal(found.items[0].source, 'device and .tpy file');
  await page.getByRole('button', { name: 'Upload a file … (plc_001)' }).click();
  await page.getByTestId('import-form').getByRole('button', { name: 'Remove the uploaded file' }).click();
  await page.getByText('The uploaded file is removed.').waitFor();
  await page.keyboard.press('Escape');
  await item(page, /0 zu Hause/).waitFor();
  assert.deepEqual(complaints.filter((line) => !line.includes('503')), []);
  await context.close();
});

test('on a phone in the dark two lines a row, all of it in German, and the topics of a broker', { timeout: 180_000 }, async () => {
  const { page, context, complaints, visit } = await demo.open(PHONE);
  await visit('data');
  await unfold(page, /^SolarAssistant/, /^solar_assistant/);
  await unfold(page, /^inverter_1/, /^pv_power/);
  await live(page, 'solar.solar_assistant/inverter_1/pv_power/state').waitFor();
  assert.equal(await tooWide(page), 0);
  await picture(page, 'data-tree-phone-dark-de');
  assert.deepEqual(await barred(page), []);
  await page.getByTestId('node-solar.solar_assistant/inverter_1/pv_power/state').click();
  await page.getByRole('dialog').getByText('Verlauf').click();
  await page.getByTestId('plot').waitFor();
  assert.equal(await tooWide(page), 0);
  await picture(page, 'data-history-phone-dark-de');
  assert.deepEqual(await barred(page), []);
  assert.deepEqual(complaints, []);
  await context.close();
});
