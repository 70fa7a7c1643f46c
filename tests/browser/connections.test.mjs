// Connections in headless Chromium: the built daemon with the real drivers, a broker, a PLC and Modbus units.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { DESK, PHONE, barriers, becomes, freePort, ownHouse, picture, tooWide, until } from './house.mjs';
import { modbusDevice } from './modbus.mjs';

const SECRET = 'CANARY-connection-17';
const HOSTILE = '<img src=x onerror="document.title=\'taken\'">';
let house;
let own;
let port;
let mosquitto;
let line;

before(async () => {
  [own, port, line] = [await freePort(), await freePort(), await modbusDevice([1, 3])];
  // It takes any password, and the house's own broker takes none that it does not know.
  mosquitto = spawn('mosquitto', ['-p', String(port)], { stdio: 'ignore' });
  const mqtt = { host: '127.0.0.1', port, user: 'solar', password: SECRET };
  house = ownHouse(
    [
      { id: 'broker', name: 'Broker in the cellar', driver: 'broker', config: { listen: `127.0.0.1:${own}`, anonymous: true } },
      { id: 'solar', name: 'Solar', driver: 'mqtt', config: mqtt },
      { id: 'plc', name: 'PLC', driver: 'ads', simulated: true, config: { ams_net_id: '127.0.0.1.1.1', ams_port: 801, host: '127.0.0.1' } },
      { id: 'meter', name: 'Meter', driver: 'modbus', config: { host: '127.0.0.1', port: line.port, unit: 1 } },
      { id: 'hostile', name: HOSTILE, driver: 'virtual' },
      { id: 'rtl', name: 'مضخة الحرارة', driver: 'virtual' },
      { id: 'long', name: 'x'.repeat(10_000), driver: 'virtual' },
      { id: 'nameless', driver: 'virtual' },
    ],
    { plugins: 'target/debug/plugins' },
  );
  house.put('routing.json', { routes: [
    { id: 'reads', from: 'solar.pv/power', to: 'calc.pv', description: 'What the roof gives.' },
    { id: 'all', from: '*.MAIN.*', to: 'calc.x' },
  ] });
  house.put('datapoints.json', { datapoints: { 'solar.pv/power': { name: 'Roof', unit: 'W' } } });
  await house.start();
  await until('the broker is there', async () => (await instance('solar')).state === 'running');
}, { timeout: 180_000 });
afterEach(() => house?.closePages());
after(async () => {
  await house?.close();
  await line?.close();
  mosquitto?.kill();
});

const instance = (id) => house.ask('GET', '/api/admin/instances').then(({ items }) => items.find((one) => one.id === id));
const connection = (id) => house.ask('GET', `/api/connections/${id}`);
const onDisk = (id) => house.file('connections.json').connections.find((one) => one.id === id);

/** A page of somebody new with this role. */
async function openAs(name, role) {
  const user = { name, role, password: 'Kellerlicht-2026' };
  assert.equal((await house.call('POST', '/api/admin/users', user)).status, 201);
  const headers = { 'content-type': 'application/json', 'x-fieldrail': '1' };
  const body = JSON.stringify({ name, password: user.password });
  const answer = await fetch(`${house.origin}/api/login`, { method: 'POST', headers, body });
  const [, value] = answer.headers.get('set-cookie').match(/fieldrail_session=([^;]+)/);
  const opened = await house.open(DESK, { loggedIn: false });
  await opened.context.addCookies([{ name: 'fieldrail_session', value, url: house.origin }]);
  return { ...opened, user };
}

test('a connection is added from its schema, tested, saved, switched off, edited and deleted, and the deletion undone', { timeout: 180_000 }, async () => {
  const { page, complaints, visit } = await house.open(DESK);
  await visit('connections');
  const row = page.getByTestId('connection-solar');
  await row.getByText('running').waitFor();
  await becomes(() => page.title(), 'Connections · Fieldrail');
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-desktop-light');

  await page.getByRole('searchbox').fill('CELLAR');
  await page.getByTestId('connection-solar').waitFor({ state: 'detached' });
  await page.getByTestId('connection-broker').waitFor();
  await page.getByRole('button', { name: 'Clear the search' }).click();
  await page.getByRole('combobox', { name: 'Driver' }).selectOption('ads');
  await page.getByTestId('connection-broker').waitFor({ state: 'detached' });
  await page.getByRole('combobox', { name: 'Driver' }).selectOption('');

  await page.getByRole('button', { name: 'Add a connection' }).click();
  await page.getByTestId('driver-mqtt').click();
  await page.getByLabel('Name', { exact: true }).fill('Solar');
  await becomes(() => page.getByLabel(/^Id/).inputValue(), 'solar_2', 'a taken id is not suggested');
  await page.getByLabel(/^Id/).fill('solar');
  await page.getByText('This id is taken already.').waitFor();
  await page.getByLabel(/^Id/).fill('garden');
  // What is wrong is said while it is typed, and nothing is sent.
  await page.getByLabel('TCP port').fill('70000');
  await page.getByText('At most 65535.').waitFor();
  await page.getByLabel('TCP port').fill('12x');
  await page.getByText('This is no number.').waitFor();
  await page.getByRole('button', { name: 'Save and start' }).click();
  await page.getByText('2 fields are not right yet.').waitFor();
  await becomes(async () => (await house.call('GET', '/api/connections/garden')).status, 404);
  await page.getByLabel('Name or address').fill('127.0.0.1');
  await page.getByLabel('TCP port').fill('1');
  await page.getByLabel('User name').fill('garden');
  await page.getByRole('textbox', { name: 'Password' }).fill(SECRET);
  await page.getByRole('button', { name: 'Add: Rules for topics' }).click();
  const rules = page.getByRole('group', { name: 'Rules for topics' });
  await rules.getByLabel('Filter').fill('garden/#');
  await rules.getByRole('switch', { name: 'Split JSON' }).click();
  await page.getByText('Supervision').click();
  await page.getByLabel('Something comes at least every').fill('60');
  await page.getByText('Limits', { exact: true }).click();
  await page.getByLabel('Memory').fill('128');
  await page.getByRole('button', { name: 'Test' }).click();
  await page.getByText('It does not work yet').waitFor();
  await becomes(async () => (await house.call('GET', '/api/connections/garden')).status, 404, 'a test saves nothing');
  await page.getByLabel('TCP port').fill(String(port));
  await page.getByRole('button', { name: 'Test again' }).click();
  await page.getByText('It works').waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-add-desktop-light');
  await page.getByRole('button', { name: 'Save and start' }).click();
  await page.getByTestId('connection-garden').waitFor();
  const { config, health, limits } = onDisk('garden');
  assert.deepEqual(config, { host: '127.0.0.1', port, user: 'garden', password: SECRET, topics: [{ filter: 'garden/#', json: true }] });
  assert.equal(health.interval_seconds, 60);
  assert.equal(limits.memory_mb, 128);
  await until('it runs', async () => (await instance('garden')).state === 'running');

  await page.getByRole('switch', { name: 'Solar enabled' }).first().click();
  await page.getByText('Solar is disabled.').waitFor();
  await becomes(async () => (await connection('garden')).enabled && (await connection('solar')).enabled, false);
  await until('one of the two stops', async () => [await instance('garden'), await instance('solar')].some(({ state }) => state === 'stopped'));
  await page.getByRole('switch', { name: 'Solar enabled', checked: false }).click();
  await page.getByText('Solar is enabled.').waitFor();

  // Editing shows no secret, and a saved form keeps the one that is stored.
  await page.getByTestId('connection-garden').getByRole('button', { name: 'Edit: Solar' }).click();
  await page.getByText('•••••••• is stored').waitFor();
  await until('no secret is on the page', async () => !(await page.content()).includes(SECRET));
  await page.getByLabel('Name', { exact: true }).fill('Garden');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Garden is saved.').waitFor();
  await becomes(() => onDisk('garden')?.config.password, SECRET);
  await becomes(() => onDisk('garden')?.name, 'Garden');

  await page.getByRole('button', { name: 'Duplicate: Garden' }).click();
  await page.getByRole('heading', { name: 'Copy of Garden' }).waitFor();
  await page.getByRole('button', { name: 'Save and start' }).click();
  await page.getByTestId('connection-garden_2').waitFor();
  await becomes(() => onDisk('garden_2')?.config.password, SECRET, 'the copy has lost its secret');

  await page.getByRole('button', { name: 'Delete: Copy of Garden' }).click();
  await page.getByText('Nothing depends on it.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByTestId('connection-solar').getByRole('button', { name: 'Delete: Solar' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('1 route stops working').waitFor();
  await dialog.getByText('1 described datapoint').waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-delete-desktop-light');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Solar is deleted.').waitFor();
  await becomes(() => onDisk('solar'), undefined);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Undone.').waitFor();
  await page.getByTestId('connection-solar').waitFor();
  await becomes(() => page.getByRole('button', { name: 'Undo' }).count(), 0);
  await becomes(() => onDisk('solar')?.config.password, SECRET);
  assert.deepEqual(complaints, []);
});

test('of two people who save at once neither loses what was typed', { timeout: 180_000 }, async () => {
  const { page, visit } = await house.open(DESK);
  await visit('connections?edit=meter');
  await page.getByLabel('Name', { exact: true }).fill('Meter, mine');
  await page.getByLabel('Read every').fill('750');
  const { etag, ...other } = await connection('meter');
  other.config.poll_ms = 900;
  other.config.pause_ms = 50;
  assert.equal((await house.call('PUT', '/api/connections/meter', other, { 'if-match': `"${etag}"` })).status, 200);
  await page.getByRole('button', { name: 'Save' }).click();
  const dialog = page.getByRole('dialog', { name: 'Somebody else has changed this connection' });
  await dialog.waitFor();
  await dialog.getByText('config.poll_ms').first().waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-conflict-desktop-light');
  // Back and forth: nothing is lost, nothing is saved.
  await dialog.getByRole('button', { name: 'Close' }).click();
  await becomes(() => page.getByLabel('Read every').inputValue(), '750');
  await page.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('button', { name: 'Drop mine, take theirs' }).click();
  await becomes(() => page.getByLabel('Read every').inputValue(), '900');
  // The same once more, and a choice key by key.
  await page.getByLabel('Name', { exact: true }).fill('Meter, mine');
  await page.getByLabel('Read every').fill('750');
  const again = await connection('meter');
  other.config.poll_ms = 950;
  assert.equal((await house.call('PUT', '/api/connections/meter', other, { 'if-match': `"${again.etag}"` })).status, 200);
  await page.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('group', { name: 'config.poll_ms' }).getByText('Theirs').click();
  await dialog.getByRole('button', { name: 'Save like this' }).click();
  await page.getByText('Meter, mine is saved.').waitFor();
  const { name, config } = await connection('meter');
  assert.deepEqual([name, config.poll_ms, config.pause_ms], ['Meter, mine', 950, 50]);
});

test('leaving asks first, and an expired session loses nothing', { timeout: 180_000 }, async () => {
  const { page, context, visit, user } = await openAs('anna', 'admin');
  await visit('connections?edit=broker');
  await page.getByLabel('Address and port').first().fill('127.0.0.1:1');
  await page.getByRole('link', { name: 'Data' }).click();
  const dialog = page.getByRole('dialog', { name: 'Leave without saving?' });
  await dialog.getByRole('button', { name: 'Stay here' }).click();
  await becomes(() => page.getByLabel('Address and port').first().inputValue(), '127.0.0.1:1');
  await becomes(() => page.url(), /edit=broker/);
  await page.getByLabel('Address and port').first().fill('127.0.0.1:2');
  await context.clearCookies();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Your session has ended.').waitFor();
  await page.getByLabel('Name').fill(user.name);
  await page.getByLabel('Password').fill(user.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('Here is what you had typed before.').waitFor();
  await becomes(() => page.url(), /edit=broker/);
  await becomes(() => page.getByLabel('Address and port').first().inputValue(), '127.0.0.1:2');
  await page.getByRole('button', { name: 'Discard' }).click();
  await until('what is stored is back', async () => (await page.getByLabel('Address and port').first().inputValue()) === `127.0.0.1:${own}`);
  await becomes(() => onDisk('broker')?.config.listen, `127.0.0.1:${own}`);
});

test('a driver that searches has its list of devices with one click to add, before and after there is a connection', { timeout: 180_000 }, async () => {
  const { page, visit } = await house.open(DESK);
  await visit('connections');
  await page.getByRole('button', { name: 'Find devices: PLC' }).click();
  await page.getByRole('button', { name: 'Find devices: Find PLCs' }).click();
  await page.getByText('1 device found').waitFor();
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-found-desktop-light');
  await page.getByRole('button', { name: /^Add / }).first().click();
  await page.getByRole('heading', { name: 'New connection' }).waitFor();
  await becomes(() => page.getByLabel('Name or address').inputValue(), '127.0.0.1');
  await becomes(() => page.getByLabel('AMS Net ID', { exact: true }).inputValue(), /^\d+(\.\d+){5}$/);

  // Before there is a connection: over the line that is in the form.
  await visit('connections?add=1&driver=modbus');
  await page.getByText('Find units').click();
  await page.getByLabel('Name or address').fill('127.0.0.1');
  await page.getByLabel('TCP port').fill(String(line.port));
  await page.getByLabel('From unit').fill('1');
  await page.getByLabel('To unit').fill('3');
  await page.getByLabel('Wait for each').fill('200');
  await page.getByRole('button', { name: 'Find devices' }).click();
  await page.getByText('2 devices found').waitFor();
  await page.getByRole('button', { name: 'Take over unit 3' }).click();
  await becomes(() => page.getByLabel('Unit', { exact: true }).inputValue(), '3');
  await page.getByLabel(/^Id/).fill('third');
  await page.getByRole('button', { name: 'Save and start' }).click();
  await page.getByTestId('connection-third').waitFor();
  await becomes(() => onDisk('third')?.config.unit, 3);

  // Another action, with its arguments and its result.
  await visit('connections?edit=meter');
  await page.getByText('Read registers').click();
  const panel = page.getByTestId('action-read_registers');
  await panel.getByRole('button', { name: /^Run: / }).click();
  await panel.getByText('Something is needed here.').first().waitFor();
  await panel.getByLabel('Table', { exact: true }).selectOption({ label: 'holding' });
  await panel.getByLabel('Address', { exact: true }).fill('7');
  await panel.getByRole('button', { name: /^Run: / }).click();
  await panel.getByTestId('result').getByText('registers').waitFor();
  await panel.getByLabel('Unit').fill('9');
  await panel.getByRole('button', { name: /^Run/ }).click();
  await panel.getByRole('alert').waitFor();
});

test('what the form does not know stays, and JSON that is none is said and not lost', { timeout: 180_000 }, async () => {
  const { page, visit } = await house.open(DESK);
  await visit('connections?edit=meter');
  await page.getByRole('button', { name: 'Add: Registers' }).click();
  const register = page.getByRole('group', { name: 'Registers' });
  await register.getByLabel('Name', { exact: true }).fill('x');
  await register.getByLabel('Table', { exact: true }).selectOption({ label: 'input' });
  await register.getByLabel('Address', { exact: true }).fill('1');
  await register.getByText(/^More settings/).click();
  await register.getByLabel('Bits', { exact: true }).fill('[0, 3');
  await register.getByText('This is no JSON.').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('One field is not right yet.').waitFor();
  await becomes(() => register.getByLabel('Bits', { exact: true }).inputValue(), '[0, 3');
  await register.getByLabel('Bits', { exact: true }).fill('[0, 3]');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText(/ is saved\.$/).waitFor();
  await becomes(async () => (await connection('meter')).config.registers, [{ name: 'x', table: 'input', address: 1, bits: [0, 3] }]);
  // The daemon has the last word, at the place of the mistake.
  await visit('connections?edit=meter');
  await page.getByLabel('Profile', { exact: true }).fill('no_such_profile');
  await page.getByRole('button', { name: 'Test' }).click();
  await page.getByText('It does not work yet').waitFor();
});

test('secrets are typed, looked at, changed, kept or named, and groups, tables and ways have their forms', { timeout: 180_000 }, async () => {
  const { page, visit, complaints } = await house.open(DESK);
  await visit('connections?add=1&driver=webhook');
  await page.getByLabel(/^Id/).fill('hook');
  await page.getByLabel('Address (URL)').fill('https://127.0.0.1:1/x');
  await page.getByRole('button', { name: 'Add: Headers' }).click();
  const headers = page.getByRole('group', { name: 'Headers' });
  await headers.getByLabel('Value').fill('a');
  await headers.getByText('An entry has no name.').waitFor();
  await headers.getByLabel('Name', { exact: true }).fill('X-House');
  await headers.getByText('An entry has no name.').waitFor({ state: 'detached' });
  await page.getByRole('switch', { name: 'Use: Signature' }).click();
  const secret = page.getByRole('textbox', { name: 'Shared secret' });
  await secret.fill(SECRET);
  await becomes(() => secret.getAttribute('type'), 'password');
  await page.getByRole('button', { name: 'Show: Shared secret' }).click();
  await becomes(() => secret.getAttribute('type'), 'text');
  await page.getByRole('button', { name: 'Hide: Shared secret' }).click();
  const inside = page.getByRole('group', { name: 'Addresses in the house' }).first();
  await inside.getByText('List', { exact: true }).first().click();
  await inside.getByRole('button', { name: /^Add/ }).click();
  await inside.getByRole('textbox', { name: 'No. 1' }).fill('127.0.0.1');
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-webhook-desktop-light');
  await page.getByRole('button', { name: 'Save and start' }).click();
  await page.getByTestId('connection-hook').waitFor();
  const { headers: sent, hmac, allow_private } = onDisk('hook').config;
  assert.deepEqual([sent, hmac, allow_private], [{ 'X-House': 'a' }, { secret: SECRET }, ['127.0.0.1']]);

  await page.getByRole('button', { name: 'Edit: hook' }).click();
  await page.getByRole('button', { name: 'Change: Shared secret' }).click();
  await page.getByRole('button', { name: 'Keep the stored one: Shared secret' }).click();
  await page.getByText('•••••••• is stored').waitFor();
  await page.getByRole('group', { name: 'Shared secret: where it stands' }).getByText('From secrets.json').click();
  await page.getByLabel('Shared secret: Name of the secret').fill('hook');
  // It is not there yet, and is made on the spot.
  await page.getByLabel('Shared secret: The secret itself').fill(SECRET);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-make-secret-desktop-light');
  await page.getByRole('button', { name: 'Keep this secret: hook' }).click();
  await page.getByLabel('Shared secret: The secret itself').waitFor({ state: 'detached' });
  assert.deepEqual(house.file('secrets.json').secrets, { hook: SECRET });
  await headers.getByRole('button', { name: 'Remove: X-House' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('hook is saved.').waitFor();
  await becomes(() => onDisk('hook')?.config.hmac.secret, { secret: 'hook' });
  await becomes(() => onDisk('hook')?.config.headers, undefined);
  await page.getByRole('button', { name: 'Values: hook' }).click();
  await page.getByRole('heading', { name: 'Data', exact: true }).waitFor();
  await becomes(() => page.url(), /instance=hook/);
  assert.deepEqual(complaints, []);
});

test('a long search goes on while another page is open, and instances lead to their connection', { timeout: 180_000 }, async () => {
  const { page, visit } = await house.open(DESK);
  await visit('instances');
  await page.getByTestId('instance-meter').getByRole('link', { name: /^Edit connection/ }).click();
  await page.getByText('Find units').click();
  const panel = page.getByTestId('action-scan');
  await panel.getByLabel('From unit').fill('1');
  await panel.getByLabel('To unit').fill('20');
  await panel.getByLabel('Wait for each').fill('250');
  await panel.getByRole('button', { name: /^Find devices/ }).click();
  await panel.getByText(/You can leave this page/).waitFor();
  await page.getByRole('link', { name: 'Data' }).click();
  await page.getByRole('heading', { name: 'Data', exact: true }).waitFor();
  await page.getByTestId('notice').getByText(/^Find units .*: done\.$/).waitFor();
  await visit('connections?edit=meter&act=scan');
  await panel.getByText('2 devices found').waitFor();
  await panel.getByText(/^already there/).first().waitFor();
  await panel.getByRole('button', { name: 'Add unit 3' }).click();
  await page.getByRole('heading', { name: 'New connection' }).waitFor();
  await becomes(() => page.getByLabel('TCP port').inputValue(), String(line.port));
  await becomes(() => page.locator('[data-path="config.unit"] input').inputValue(), '3');
  // Who does not want to wait any longer does not have to.
  await visit('connections?edit=meter&act=scan');
  await panel.getByRole('button', { name: /^Find devices/ }).click();
  await panel.getByRole('button', { name: 'Cancel: Find units' }).click();
  await panel.getByText('Cancelled.').waitFor();
});

test('a test and a search before there is a connection are cancelled, and nothing of them stays', { timeout: 180_000 }, async () => {
  const { page, visit } = await house.open(DESK);
  await visit('connections?add=1&driver=modbus');
  await page.getByText('Find units').click();
  await page.getByLabel('Name or address').fill('127.0.0.1');
  await page.getByLabel('TCP port').fill(String(line.port));
  await page.getByLabel('From unit').fill('4');
  await page.getByLabel('To unit').fill('200');
  await page.getByLabel('Wait for each').fill('500');
  await page.getByRole('button', { name: 'Find devices' }).click();
  await page.getByRole('button', { name: 'Cancel: Find units' }).click();
  await page.getByText('The search is cancelled.').waitFor();
  assert.deepEqual(await barriers(page), []);
  // Nobody answers on this address, so that the driver tries until it is told to stop.
  await page.getByLabel('TCP port').fill('1');
  await page.getByRole('button', { name: 'Test', exact: true }).click();
  const cancel = page.getByRole('button', { name: 'Cancel: Test' });
  await Promise.race([cancel.click(), page.getByText('It does not work yet').waitFor()]);
  await cancel.waitFor({ state: 'detached' });
  await becomes(() => page.getByRole('button', { name: /^Test/ }).isEnabled(), true);
  // The driver that was tried has ended.
  const trials = () => readdirSync(join(house.folder, 'state', 'instances')).filter((name) => name.startsWith('trial-'));
  await becomes(trials, []);
});

test('who edits a connection that somebody else deletes meanwhile saves it as a new one', { timeout: 180_000 }, async () => {
  await house.call('POST', '/api/connections', { id: 'shed', name: 'Shed', driver: 'virtual' });
  const { page, visit } = await house.open(DESK);
  await visit('connections?edit=shed');
  await page.getByLabel('Name', { exact: true }).fill('Shed by the pond');
  assert.equal((await house.call('DELETE', '/api/connections/shed')).status, 204);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const again = page.getByRole('button', { name: 'Save as a new one' });
  await again.waitFor();
  await becomes(() => page.getByLabel('Name', { exact: true }).inputValue(), 'Shed by the pond');
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-gone-desktop-light');
  await again.click();
  await again.waitFor({ state: 'detached' });
  await becomes(() => page.getByLabel(/^Id/).inputValue(), 'shed');
  await page.getByRole('button', { name: 'Save and start' }).click();
  await page.getByTestId('connection-shed').waitFor();
  await becomes(() => onDisk('shed')?.name, 'Shed by the pond');
  await house.call('DELETE', '/api/connections/shed');
});

test('hostile, endless, empty and right-to-left names break nothing', { timeout: 180_000 }, async () => {
  for (const options of [DESK, PHONE]) {
    const { page, complaints, visit } = await house.open(options);
    await visit('connections');
    await page.getByText(HOSTILE).waitFor();
    assert.equal(await tooWide(page), 0);
    await becomes(() => page.locator('img[src=x]').count(), 0);
    await page.getByTestId('connection-nameless').getByText('nameless').first().waitFor();
    for (const id of ['hostile', 'long', 'rtl', 'nameless']) {
      await visit(`connections?edit=${id}`);
      await page.getByRole('button', { name: /Save|Speichern/ }).waitFor();
      assert.equal(await tooWide(page), 0, `${id} is too wide`);
    }
    assert.deepEqual(complaints, []);
  }
});

test('viewers and operators are told whose business it is', { timeout: 180_000 }, async () => {
  for (const role of ['viewer', 'operator']) {
    const { page } = await openAs(`only_${role}`, role);
    await page.goto(`${house.origin}/#/connections`);
    await page.getByText('This page is for administrators').waitFor();
    await becomes(() => page.getByRole('button', { name: 'Add a connection' }).count(), 0);
  }
});

test('on a phone, in German and in the dark it fits, and so does the form', { timeout: 180_000 }, async () => {
  const { page, complaints, visit } = await house.open(PHONE);
  await visit('connections');
  await page.getByTestId('connection-plc').getByText('läuft').waitFor();
  assert.equal(await tooWide(page), 0);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-phone-dark-de');
  await page.getByRole('button', { name: 'Bearbeiten: PLC' }).click();
  await page.getByLabel('AMS-Net-ID', { exact: true }).waitFor();
  await page.getByRole('region', { name: 'Einstellungen' }).getByText('Weitere Einstellungen').click();
  assert.equal(await tooWide(page), 0);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-edit-phone-dark-de');
  await page.getByRole('button', { name: 'Zu den Verbindungen' }).click();
  await page.getByRole('button', { name: 'Verbindung hinzufügen' }).click();
  await page.getByRole('heading', { name: 'Welches Gerät?' }).waitFor();
  assert.equal(await tooWide(page), 0);
  await picture(page, 'connections-pick-phone-dark-de');
  assert.deepEqual(complaints, []);
});

test('a file that is broken on disk is told with its line, and nothing can be changed until it is right', { timeout: 180_000 }, async () => {
  const path = join(house.folder, 'config', 'connections.json');
  const before = JSON.stringify(house.file('connections.json'));
  const { page, visit } = await house.open(DESK);
  writeFileSync(path, '{ "version": "1.0",\n  "connections": [ nonsense ] }');
  await until('the daemon has seen it', async () => (await house.ask('GET', '/api/system/status')).faults.length > 0);
  await visit('connections');
  await page.getByText('connections.json cannot be used as it stands on disk').waitFor();
  await page.getByText(/Line 2, column/).waitFor();
  await becomes(() => page.getByRole('button', { name: 'Add a connection' }).isDisabled(), true);
  await becomes(() => page.getByRole('switch', { name: 'PLC enabled' }).isDisabled(), true);
  assert.deepEqual(await barriers(page), []);
  await picture(page, 'connections-broken-desktop-light');
  writeFileSync(path, before);
  await until('it is right again', async () => (await house.ask('GET', '/api/system/status')).faults.length === 0);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('connections.json cannot be used').waitFor({ state: 'detached' });
});
