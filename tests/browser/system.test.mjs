// The system page in headless Chromium: users, tokens, files, HTTPS, restart; each button's effect is checked through the API.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { DESK, PHONE, barriers, becomes, freePort, ownHouse, picture, tooWide, until } from './house.mjs';

const password = 'Schaltschrank 7';
let house;
let securePort;

before(async () => {
  house = ownHouse([{ id: 'meter', driver: 'virtual' }, { id: 'lamp', driver: 'virtual' }]);
  // A port that stays over a restart.
  house.put('fieldrail.json', { listen: `127.0.0.1:${await freePort()}` });
  securePort = await freePort();
  await house.start();
}, { timeout: 180_000 });
afterEach(() => house?.closePages());
after(() => house?.close());

const users = async () => (await house.ask('GET', '/api/admin/users')).items;
const user = async (name) => (await users()).find((one) => one.name === name);
const route = (id, from) => house.call('PUT', `/api/router/routes/${id}`, { id, from: `meter.${from}`, to: `lamp.${id}` });

/** Nothing serious for axe-core in either theme. */
async function accessible(page) {
  for (const colorScheme of ['dark', 'light']) {
    // Without motion, so that no colour is on its way.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    assert.deepEqual(await barriers(page), [], `${page.url()} in ${colorScheme}`);
  }
}

test('users are made, changed, logged out and removed, and a lost race is said', { timeout: 180_000 }, async () => {
  const { page, complaints, visit } = await house.open(DESK);
  await visit('system');
  await page.getByText('No users').waitFor();
  const add = async (name, role) => {
    await page.getByRole('button', { name: 'Add user' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill(name);
    await dialog.getByRole('radio', { name: role }).check();
    await dialog.getByLabel('Password').fill(password);
    if (name === 'otto') await picture(page, 'system-user-desktop-light');
    await dialog.getByRole('button', { name: 'Add user' }).click();
    return dialog;
  };
  await (await add('anna', 'Administrator')).waitFor({ state: 'detached' });
  await (await add('otto', 'Viewer')).waitFor({ state: 'detached' });
  await becomes(async () => (await user('otto'))?.role, 'viewer');
  // Somebody is there already: what was typed stays.
  const dialog = await add('otto', 'Operator');
  await dialog.getByText('there is a user `otto` already').waitFor();
  await becomes(() => dialog.getByLabel('Name').inputValue(), 'otto');
  await dialog.getByLabel('Name').fill('<img src=x onerror=alert(1)>');
  await dialog.getByRole('button', { name: 'Add user' }).click();
  await dialog.getByText('a name has 1 to 64 letters').waitFor();
  await dialog.getByLabel('Name').fill('مستخدم');
  await dialog.getByRole('button', { name: 'Add user' }).click();
  await dialog.waitFor({ state: 'detached' });
  await becomes(async () => (await user('مستخدم'))?.role, 'operator');

  await becomes(() => page.getByRole('button', { name: 'Remove anna' }).isDisabled(), true, 'the last administrator could be removed');
  await page.getByRole('button', { name: 'Change anna' }).click();
  await becomes(() => page.getByRole('radio', { name: 'Viewer' }).isDisabled(), true);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  // Lost race: the other change stays, and this one is told.
  await page.getByRole('button', { name: 'Change otto' }).click();
  await house.call('PUT', '/api/admin/users/otto', { role: 'operator' });
  await page.getByRole('radio', { name: 'Administrator' }).check();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Somebody else has changed this').waitFor();
  await becomes(async () => (await user('otto'))?.role, 'operator');
  await page.keyboard.press('Escape');
  await page.getByText('Operator · since').first().waitFor();
  await page.getByRole('button', { name: 'Change otto' }).click();
  await page.getByRole('radio', { name: 'Administrator' }).check();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await becomes(async () => (await user('otto'))?.role, 'admin');

  const login = await fetch(`${house.origin}/api/login`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: 'otto', password }),
  });
  const cookie = login.headers.get('set-cookie').split(';')[0];
  const otto = () => fetch(`${house.origin}/api/me`, { headers: { cookie } });
  assert.equal((await otto()).status, 200);
  await visit('system?tab=about');
  await visit('system');
  await picture(page, 'system-users-desktop-light');
  await page.getByRole('button', { name: 'Log out otto everywhere' }).click();
  await page.getByText('otto is logged out everywhere.').waitFor();
  assert.equal((await otto()).status, 401);

  await accessible(page);
  await page.getByRole('button', { name: 'Remove otto' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('otto is removed.').waitFor();
  await becomes(() => user('otto'), undefined);
  assert.deepEqual(complaints.filter((line) => !/409|412|422/.test(line)), []);
});

test('a token is made for some addresses, shown once, works, and is taken back', { timeout: 180_000 }, async () => {
  const { page, complaints, visit } = await house.open(DESK);
  await visit('system?tab=tokens');
  await page.getByText('No tokens yet').waitFor();
  await page.getByRole('button', { name: 'Make token' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('node-red');
  await dialog.getByRole('radio', { name: 'Operator' }).check();
  await dialog.getByLabel('Only these addresses').fill('meter\n\n');
  await dialog.getByLabel('Writes per second').fill('5');
  await dialog.getByLabel('Also log in at the built-in MQTT broker').check();
  await dialog.getByLabel('Topics it may publish to').fill('home/#');
  await picture(page, 'system-token-desktop-light');
  await accessible(page);
  await dialog.getByRole('button', { name: 'Make token' }).click();
  const secret = await page.getByLabel('Secret', { exact: true }).inputValue();
  await picture(page, 'system-secret-desktop-light');
  await accessible(page);
  const asks = (path) => fetch(`${house.origin}${path}`, { headers: { authorization: `Bearer ${secret}` } });
  assert.equal((await (await asks('/api/me')).json()).name, 'token:node-red');
  assert.equal((await asks('/api/datapoint?address=lamp.on')).status, 403);
  const [token] = (await house.ask('GET', '/api/admin/tokens')).items;
  assert.deepEqual(token.scope, {
    addresses: ['meter'], writes_per_second: 5, mqtt: { publish: ['home/#'], subscribe: [] },
  });
  await page.getByRole('button', { name: 'Copy secret' }).click();
  await page.getByRole('button', { name: 'Copied', exact: true }).waitFor();
  await page.getByRole('button', { name: 'I have copied it' }).click();
  await page.getByText('meter · 5 writes/s at most · MQTT broker').waitFor();
  await until('the secret has left the page', async () => !(await page.content()).includes(secret));
  await accessible(page);
  await picture(page, 'system-tokens-desktop-light');

  // Whatever stands in a scope, it is text, and of a bounded height.
  const odd = { addresses: ['<script>alert(1)</script>', 'ט'.repeat(10_000), 'x'.repeat(10_000)] };
  const { id } = await house.ask('POST', '/api/admin/tokens', { name: 'odd', role: 'viewer', scope: odd });
  await page.reload();
  await page.getByText('<script>alert(1)</script>').waitFor();
  const box = await page.getByRole('listitem').filter({ hasText: 'odd' }).boundingBox();
  assert.ok(box.height < 140, `${box.height} px high`);
  assert.equal(await tooWide(page), 0);
  await house.call('DELETE', `/api/admin/tokens/${id}`);
  await page.getByRole('button', { name: 'Take back node-red' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
  await page.getByText('No tokens yet').waitFor();
  assert.equal((await asks('/api/me')).status, 401);
  assert.deepEqual(complaints, []);
});

test('a file shows its versions and their difference, and says again what it said', { timeout: 180_000 }, async () => {
  await route('first', 'a');
  await route('second', 'b');
  await house.call('DELETE', '/api/router/routes/first');
  const { page, complaints, visit } = await house.open(DESK);
  await visit('system?tab=files');
  await page.getByRole('button', { name: 'Versions of routing.json' }).waitFor();
  await picture(page, 'system-files-desktop-light');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download configuration' }).click(),
  ]);
  assert.match(download.suggestedFilename(), /^fieldrail-\d{4}-\d\d-\d\d\.zip$/);
  const zip = readFileSync(await download.path());
  assert.equal(zip.subarray(0, 2).toString(), 'PK');
  assert.ok(zip.includes('connections.json') && !zip.includes('$argon2'));
  await accessible(page);

  await page.getByRole('button', { name: 'Versions of routing.json' }).click();
  const dialog = page.getByRole('dialog').first();
  const list = dialog.getByRole('listitem');
  await until('four versions', async () => (await list.count()) === 4);
  await becomes(() => list.first().innerText(), /in force/);
  await list.nth(1).getByRole('button').click();
  const change = dialog.getByRole('region', { name: 'What restoring would change' });
  await change.getByText('"id": "first"').waitFor();
  await becomes(() => dialog.getByText(/lines? added/).innerText(), /[1-9]\d* lines? added, \d+ removed/);
  await picture(page, 'system-versions-desktop-light');
  await accessible(page);

  // Lost race: somebody changes the routes before this one is restored.
  await dialog.getByRole('button', { name: 'Restore' }).click();
  const question = page.getByRole('dialog', { name: 'Restore this version?' });
  await route('third', 'c');
  await question.getByRole('button', { name: 'Restore' }).click();
  await page.getByText('Somebody else has changed this').waitFor();
  await becomes(async () => (await house.call('GET', '/api/router/routes/third')).status, 200);
  await question.waitFor({ state: 'detached' });
  await until('the newer version is listed', async () => (await list.count()) === 5);

  await list.nth(2).getByRole('button').click();
  await change.getByText('"id": "third"').waitFor();
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await question.getByRole('button', { name: 'Restore' }).click();
  await page.getByText('routing.json says again what it said.').waitFor();
  await becomes(async () => (await house.call('GET', '/api/router/routes/first')).status, 200);
  await becomes(async () => (await house.call('GET', '/api/router/routes/third')).status, 404);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  // Broken by an editor: the place and the hint; mended: all is well again.
  const path = join(house.folder, 'config', 'datapoints.json');
  const good = readFileSync(path, 'utf8');
  writeFileSync(path, '{\n  "version": "1.0",\n  "datapoints": <b>oops</b>\n}\n');
  await page.getByText('line 3, column 17').waitFor();
  await picture(page, 'system-broken-desktop-light');
  writeFileSync(path, good);
  await page.getByText('line 3, column 17').waitFor({ state: 'detached' });
  assert.deepEqual(complaints.filter((line) => !line.includes('412')), []);
});

test('a configuration that was saved comes back: first what would change, then all of it, and what is foreign is refused', { timeout: 180_000 }, async () => {
  await route('kept', 'k');
  const { page, complaints, visit } = await house.open(DESK);
  await visit('system?tab=files');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download configuration' }).click(),
  ]);
  const archive = join(house.folder, 'saved.zip');
  await download.saveAs(archive);
  await house.call('DELETE', '/api/router/routes/kept');
  const foreign = join(house.folder, 'foreign.zip');
  writeFileSync(foreign, '<b>no archive</b>');

  await page.getByRole('button', { name: 'Restore a configuration' }).click();
  const dialog = page.getByRole('dialog', { name: 'Restore a configuration' });
  const yes = dialog.getByRole('button', { name: 'Restore all of it' });
  await dialog.getByLabel('Archive (.zip)').setInputFiles(foreign);
  await dialog.getByText('the archive cannot be used').waitFor();
  await becomes(() => yes.isDisabled(), true);
  await dialog.getByLabel('Archive (.zip)').setInputFiles(archive);
  await dialog.getByText('the archive cannot be used').waitFor({ state: 'detached' });
  const change = dialog.getByRole('region', { name: 'What changes in routing.json' });
  await change.getByText('"id": "kept"').waitFor();
  await dialog.getByRole('listitem').filter({ hasText: 'connections.json' }).getByText('stays as it is').waitFor();
  assert.equal((await house.call('GET', '/api/router/routes/kept')).status, 404, 'who looks changes nothing');
  await accessible(page);
  await picture(page, 'system-restore-desktop-light');

  // Somebody saves something meanwhile: what would change is shown anew.
  await route('meanwhile', 'm');
  await yes.click();
  await dialog.getByText('Somebody has changed the configuration meanwhile.').waitFor();
  await change.getByText('"id": "meanwhile"').waitFor();
  assert.equal((await house.call('GET', '/api/router/routes/meanwhile')).status, 200);
  await yes.click();
  await page.getByText('The configuration is restored.').waitFor();
  await dialog.waitFor({ state: 'detached' });
  await becomes(async () => (await house.call('GET', '/api/router/routes/kept')).status, 200);
  await becomes(async () => (await house.call('GET', '/api/router/routes/meanwhile')).status, 404);

  await page.getByRole('button', { name: 'Restore a configuration' }).click();
  await dialog.getByLabel('Archive (.zip)').setInputFiles(archive);
  await dialog.getByText('The archive says what is in force already.').waitFor();
  await becomes(() => yes.isDisabled(), true);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual(complaints.filter((line) => !/412|422/.test(line)), []);
});

test('passwords that an archive cannot hold are asked for before it comes back', { timeout: 180_000 }, async () => {
  const other = await ownHouse([{ id: 'hook', driver: 'webhook', enabled: false, config: { url: 'https://127.0.0.1:1/x', hmac: { secret: 'CANARY-hook' } } }], { plugins: 'target/debug/plugins' }).start();
  try {
    const { page, visit } = await other.open(PHONE);
    await visit('system?tab=files');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Konfiguration herunterladen' }).click(),
    ]);
    const archive = join(other.folder, 'saved.zip');
    await download.saveAs(archive);
    await other.call('DELETE', '/api/connections/hook');
    await page.getByRole('button', { name: 'Konfiguration wiederherstellen' }).click();
    const dialog = page.getByRole('dialog', { name: 'Konfiguration wiederherstellen' });
    await dialog.getByLabel('Archiv (.zip)').setInputFiles(archive);
    const yes = dialog.getByRole('button', { name: 'Alles wiederherstellen' });
    await dialog.getByLabel('hook · config.hmac.secret').waitFor();
    await becomes(() => yes.isDisabled(), true, 'a password is missing');
    assert.equal(await tooWide(page), 0);
    await accessible(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture(page, 'system-restore-phone-dark-de');
    await dialog.getByLabel('hook · config.hmac.secret').fill('CANARY-again');
    await yes.click();
    await page.getByText('Die Konfiguration ist wiederhergestellt.').waitFor();
    const [hook] = other.file('connections.json').connections;
    assert.deepEqual(hook.config.hmac, { secret: 'CANARY-again' });
  } finally {
    await other.close();
  }
});

test('secrets are kept, given where one is missing, changed and removed with what refers to them, and never shown', { timeout: 180_000 }, async () => {
  const other = ownHouse([{ id: 'hook', name: 'Hook', driver: 'webhook', enabled: false, config: { url: 'https://127.0.0.1:1/x', hmac: { secret: { secret: 'sign' } } } }], { plugins: 'target/debug/plugins' });
  await other.start();
  try {
    const { page, visit, complaints } = await other.open(DESK);
    const kept = () => other.file('secrets.json').secrets;
    await visit('system?tab=secrets');
    const list = page.getByRole('list', { name: 'Secrets' });
    await list.getByText('Used by Hook').waitFor();
    await list.getByText('missing').waitFor();
    await page.getByRole('button', { name: 'Give it: sign' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Secret', { exact: true }).fill('CANARY-one');
    await accessible(page);
    await picture(page, 'system-secret-give-desktop-light');
    await dialog.getByLabel('Show what is typed').check();
    await becomes(() => dialog.getByLabel('Secret', { exact: true }).getAttribute('type'), 'text');
    await dialog.getByRole('button', { name: 'Keep it' }).click();
    await page.getByText('The secret sign is kept.').waitFor();
    assert.deepEqual(kept(), { sign: 'CANARY-one' });

    await page.getByRole('button', { name: 'Add secret' }).click();
    await dialog.getByLabel('Name').fill('two words');
    await dialog.getByLabel('Secret', { exact: true }).fill('CANARY-two');
    await dialog.getByRole('button', { name: 'Keep it' }).click();
    await dialog.getByText('this is no name for a secret').waitFor();
    await becomes(() => dialog.getByLabel('Secret', { exact: true }).inputValue(), 'CANARY-two', 'what was typed is there');
    await dialog.getByLabel('Name').fill('two_words');
    await dialog.getByRole('button', { name: 'Keep it' }).click();
    await page.getByText('The secret two_words is kept.').waitFor();
    await list.getByText('Nothing refers to it').waitFor();

    // Lost race: somebody else has changed it, and is not written over.
    await page.getByRole('button', { name: 'Change two_words' }).click();
    await other.call('PUT', '/api/admin/secrets/two_words', { value: 'theirs' });
    await dialog.getByLabel('New secret').fill('mine');
    await dialog.getByRole('button', { name: 'Keep it' }).click();
    await dialog.getByText('Somebody else has changed this').waitFor();
    assert.equal(kept().two_words, 'theirs');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Change two_words' }).click();
    await dialog.getByLabel('New secret').fill('mine');
    await dialog.getByRole('button', { name: 'Keep it' }).click();
    await page.getByText('The secret two_words is changed').waitFor();
    assert.equal(kept().two_words, 'mine');

    await page.getByRole('button', { name: 'Remove two_words' }).click();
    await dialog.getByText('Nothing refers to it.').waitFor();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('The secret two_words is removed.').waitFor();
    await page.getByRole('button', { name: 'Remove sign' }).click();
    await dialog.getByText('config.hmac.secret').waitFor();
    await accessible(page);
    await picture(page, 'system-secret-remove-desktop-light');
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('The secret sign is removed.').waitFor();
    assert.deepEqual(kept(), {});
    await list.getByText('missing').waitFor();
    await until('nothing of them is on the page', async () => !(await page.content()).includes('CANARY'));
    assert.deepEqual(complaints.filter((line) => !/412|422/.test(line)), []);
  } finally {
    await other.close();
  }
});

test('who is logged out in the middle of a form comes back to it, and changes a password', { timeout: 180_000 }, async () => {
  const { page, visit } = await house.open(DESK, { loggedIn: false });
  const logIn = async (words) => {
    await page.getByLabel('Name').fill('anna');
    await page.getByLabel('Password').fill(words);
    await page.getByRole('button', { name: 'Log in' }).click();
  };
  await visit('system?tab=tokens');
  await logIn(password);
  await page.getByRole('button', { name: 'Make token' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('half typed');
  await dialog.getByLabel('Only these addresses').fill('meter.x');
  await house.call('DELETE', '/api/admin/users/anna/sessions');
  await page.getByRole('heading', { name: 'Log in' }).or(dialog.getByRole('button', { name: 'Make token' })).first().waitFor();
  if (await dialog.isVisible()) await dialog.getByRole('button', { name: 'Make token' }).click();
  await page.getByText('Your session has ended').waitFor();
  await logIn(password);
  await dialog.waitFor();
  await becomes(() => dialog.getByLabel('Name').inputValue(), 'half typed');
  await becomes(() => dialog.getByLabel('Only these addresses').inputValue(), 'meter.x');
  await page.keyboard.press('Escape');

  const fill = async (current, next, repeat) => {
    await page.getByLabel('Present password').fill(current);
    await page.getByLabel('New password', { exact: true }).fill(next);
    await page.getByLabel('New password again').fill(repeat);
    await page.getByRole('dialog').getByRole('button', { name: 'Change password' }).click();
  };
  await page.getByTestId('menu').click();
  await page.getByRole('button', { name: 'Change password' }).click();
  await fill(password, 'Sicherungskasten', 'Sicherungskaste');
  await page.getByText('The two new passwords differ.').waitFor();
  await fill('falsch', 'Sicherungskasten', 'Sicherungskasten');
  await page.getByText('the present password is wrong').waitFor();
  await accessible(page);
  await fill(password, 'Sicherungskasten', 'Sicherungskasten');
  await page.getByText('Your password is changed.').waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Make token' }).first().waitFor();
  const answer = await fetch(`${house.origin}/api/login`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'anna', password: 'Sicherungskasten' }),
  });
  assert.equal(answer.status, 200);
});

/** After a restart the door has another session. */
async function throughTheNewDoor() {
  const door = join(house.folder, 'state', 'door.json');
  house.session = await until('the new door', () => {
    try {
      const { session } = JSON.parse(readFileSync(door, 'utf8'));
      return session === house.session ? undefined : session;
    } catch {
      return undefined;
    }
  });
}

test('HTTPS is switched on, the daemon begins anew and the page with it, and a certificate changes without a restart', { timeout: 180_000 }, async () => {
  // Not the one of the test before: after five log-ins a name has to wait.
  await house.call('POST', '/api/admin/users', { name: 'berta', password, role: 'admin' });
  const { page, visit } = await house.open(DESK, { loggedIn: false });
  await visit('system?tab=certificates');
  await page.getByLabel('Name').fill('berta');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('HTTPS is off').waitFor();
  await picture(page, 'system-https-off-desktop-light');
  await accessible(page);
  await page.getByRole('button', { name: 'Switch on HTTPS' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Address and port').fill(house.origin.replace('http://', ''));
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('is that of HTTP already').waitFor();
  await dialog.getByLabel('Address and port').fill(`127.0.0.1:${securePort}`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('begins with the next start').waitFor();
  await becomes(async () => (await house.ask('GET', '/api/admin/certificate')).https.listen, `127.0.0.1:${securePort}`);

  await page.getByRole('button', { name: 'Restart now' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Restart Fieldrail' }).click();
  await page.getByTestId('restart').waitFor();
  await page.getByRole('dialog', { name: 'Restart Fieldrail?' }).waitFor({ state: 'detached' });
  await picture(page, 'system-restart-desktop-light');
  // The session of a person outlives the daemon, that of the console does not.
  await page.getByText('HTTPS is on').waitFor();
  await throughTheNewDoor();

  // Over HTTPS, with its own cookie.
  const secure = await house.open({ ...DESK, ignoreHTTPSErrors: true }, { loggedIn: false });
  await secure.page.goto(`https://127.0.0.1:${securePort}/#/system?tab=certificates`);
  await secure.page.getByLabel('Name').fill('berta');
  await secure.page.getByLabel('Password').fill(password);
  await secure.page.getByRole('button', { name: 'Log in' }).click();
  await secure.page.getByText('The house has signed it itself').waitFor();
  await secure.page.getByText('live', { exact: true }).waitFor();
  const cookies = await secure.context.cookies();
  assert.deepEqual(cookies.map(({ name, secure, httpOnly }) => [name, secure, httpOnly]), [
    ['__Host-fieldrail_session', true, true],
  ]);
  await picture(secure.page, 'system-https-desktop-light');
  await accessible(secure.page);

  const own = readFileSync(join(house.folder, 'state', 'https', 'self_signed.pem'), 'utf8');
  const before = (await house.ask('GET', '/api/admin/certificate')).fingerprint;
  await secure.page.getByRole('button', { name: 'Sign a new one' }).click();
  await secure.page.getByRole('dialog').getByRole('button', { name: 'Sign a new one' }).click();
  await until('another certificate', async () => (await house.ask('GET', '/api/admin/certificate')).fingerprint !== before);

  await secure.page.getByRole('button', { name: 'Use your own certificate' }).click();
  const upload = secure.page.getByRole('dialog');
  await upload.getByRole('textbox', { name: 'Certificate and chain (PEM)' }).fill('<b>garbage</b>');
  await upload.getByRole('textbox', { name: 'Private key (PEM)' }).fill(own);
  await upload.getByRole('button', { name: 'Take into force' }).click();
  await upload.getByText('there is no certificate in it').waitFor();
  await becomes(() => upload.getByRole('textbox', { name: 'Certificate and chain (PEM)' }).inputValue(), '<b>garbage</b>');
  await accessible(secure.page);
  const file = join(house.folder, 'own.pem');
  writeFileSync(file, own);
  await upload.getByLabel('Choose file: Certificate and chain (PEM)').setInputFiles(file);
  await until('the file is read', async () =>
    (await upload.getByRole('textbox', { name: 'Certificate and chain (PEM)' }).inputValue()) === own);
  await picture(secure.page, 'system-certificate-desktop-light');
  await upload.getByRole('button', { name: 'Take into force' }).click();
  await upload.waitFor({ state: 'detached' });
  const inForce = async () => {
    const { source, fingerprint } = await house.ask('GET', '/api/admin/certificate');
    return [source, fingerprint];
  };
  await becomes(inForce, ['uploaded', before]);
  rmSync(file);
  // The WebSocket has gone on all the while.
  await secure.page.getByText('live', { exact: true }).waitFor();

  await secure.page.getByRole('button', { name: 'Switch off HTTPS' }).click();
  await secure.page.getByRole('dialog').getByRole('button', { name: 'Switch off HTTPS' }).click();
  await secure.page.getByText('ends with the next start').waitFor();
  await becomes(async () => (await house.ask('GET', '/api/admin/certificate')).https, undefined);
});

test('what is built in is found whatever case it is typed in, by name, version and licence', { timeout: 180_000 }, async () => {
  const { page, context, visit } = await house.open(DESK);
  await visit('system?tab=about');
  const rows = page.locator('tbody tr');
  await rows.first().waitFor();
  const all = await rows.count();
  const [name, version, licence] = await rows.first().locator('td').allTextContents();
  const search = page.getByRole('searchbox');
  for (const typed of [name.toUpperCase(), `${version} ${licence.toLowerCase()}`]) {
    await search.fill(typed);
    await until(`${typed} narrows`, async () => (await rows.count()) < all);
    await rows.getByRole('cell', { name, exact: true }).first().waitFor();
  }
  await search.fill('nobody ships this');
  await page.getByRole('status').filter({ hasText: 'No such part' }).waitFor();
  await page.getByRole('button', { name: 'Clear the search' }).click();
  await becomes(() => rows.count(), all);
  await context.close();
});

test('on a phone, in the dark and in German every tab fits; a viewer sees none', { timeout: 180_000 }, async () => {
  const { page, complaints, visit } = await house.open(PHONE);
  for (const tab of ['users', 'tokens', 'files', 'secrets', 'certificates', 'about']) {
    await visit(`system?tab=${tab}`);
    await page.locator('.things, .empty, table').first().waitFor();
    assert.equal(await tooWide(page), 0, tab);
    await accessible(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture(page, `system-${tab}-phone-dark-de`);
  }
  await becomes(() => page.locator('main').innerText(), /tokio[\s\S]*svelte/);
  await page.getByRole('searchbox', { name: 'Teile und Lizenzen suchen' }).fill('svelte');
  await page.getByRole('row', { name: /^tokio / }).waitFor({ state: 'detached' });
  await visit('system?tab=files&file=routing.json');
  await page.getByRole('dialog').getByRole('listitem').nth(2).getByRole('button').click();
  await page.getByRole('region', { name: 'Was das Wiederherstellen ändern würde' }).waitFor();
  assert.equal(await tooWide(page), 0);
  await picture(page, 'system-versions-phone-dark-de');
  await page.getByRole('dialog').getByRole('button', { name: 'Versionen von routing.json' }).click();
  await page.getByRole('dialog').getByRole('listitem').first().waitFor();
  assert.deepEqual(complaints, []);

  await house.call('POST', '/api/admin/users', { name: 'gast', password, role: 'viewer' });
  const guest = await house.open(PHONE, { loggedIn: false });
  await guest.visit('system');
  await guest.page.getByLabel('Name').fill('gast');
  await guest.page.getByLabel('Passwort').fill(password);
  await guest.page.getByRole('button', { name: 'Anmelden' }).click();
  await guest.page.getByText('Diese Seite ist für Administratoren').waitFor();
  await guest.page.setViewportSize({ width: 320, height: 640 });
  assert.equal(await tooWide(guest.page), 0);
});
