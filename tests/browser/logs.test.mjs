// Errors, log and audit trail in headless Chromium: the built daemon with a plugin that falls.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { DESK, PHONE, barriers, ownHouse, picture, tooWide, until } from './house.mjs';

const secret = 'CANARY-browser-81';
const falls = (id, how) => ({
  id, driver: 'faller', health: { auto_restart: false },
  config: { how, host: 'plc.example', password: { secret: 'broker' }, api_key: 'none' },
});

let house;

before(async () => {
  house = ownHouse([falls('solar', 'raise'), falls('heating', 'exit'), { id: 'counter', driver: 'counter' }]);
  house.put('secrets.json', { secrets: { broker: secret } });
  await house.start();
}, { timeout: 180_000 });
afterEach(() => house?.closePages());
after(() => house?.close());

test('errors are read and resolved, lines come live, and the audit trail proves itself', { timeout: 180_000 }, async () => {
  await until('all failures are known', async () => (await house.ask('GET', '/api/errors')).items.length === 3);
  const { page, complaints } = await house.open(DESK);
  await page.goto(`${house.origin}/#/logs`);
  const row = page.getByRole('button', { name: /× PermissionError/ });
  await row.waitFor();
  await picture(page, 'logs-errors-desktop-light');
  await row.click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Traceback (most recent call last)').waitFor();
  await dialog.getByText('samples 2: echo = [secret], power = 21.5').waitFor();
  await picture(page, 'logs-error-desktop-light');
  assert.ok(!(await page.content()).includes(secret), 'a secret is on the page');
  await dialog.getByRole('button', { name: 'Resolve' }).click();
  await row.waitFor({ state: 'detached' });

  await page.goto(`${house.origin}/#/logs?tab=lines`);
  await page.getByText('Fieldrail').first().waitFor();
  await house.ask('POST', '/api/admin/instances/counter/restart');
  await page.getByText('console asked for: restart.').waitFor();
  await picture(page, 'logs-lines-desktop-light');
  assert.ok(!(await page.content()).includes(secret), 'a secret is in the log');
  const lines = page.getByRole('region', { name: 'Log' });
  await page.getByRole('combobox', { name: 'Instance' }).selectOption('counter');
  await until('only lines of one instance', async () => !(await lines.innerText()).includes('solar'));
  await lines.getByText('console asked for: restart.').first().waitFor();
  const saved = async (format) => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: `Save as ${format}` }).click(),
    ]);
    assert.equal(download.suggestedFilename(), `fieldrail-log.${format.toLowerCase()}`);
    return readFileSync(await download.path(), 'utf8');
  };
  const entries = JSON.parse(await saved('JSON'));
  assert.ok(entries.length > 0 && entries.every(({ instance, level }) => instance === 'counter' && level !== 'debug'));
  assert.match(await saved('CSV'), /^id,time,level,instance,message,fields\r\n/);
  await page.getByRole('group', { name: 'Level' }).getByText('Errors').click();
  await until('only errors', async () => !(await page.locator('main').innerText()).includes('asked for: restart'));
  await page.getByRole('group', { name: 'Level' }).getByText('All').click();
  await lines.getByText('console asked for: restart.').first().waitFor();
  // Who scrolls up is left there, and comes back by a button.
  await page.setViewportSize({ width: 1440, height: 480 });
  await until('more lines than fit', async () => {
    await house.ask('POST', '/api/admin/instances/counter/restart');
    return lines.evaluate((list) => list.scrollHeight > list.clientHeight + 60);
  });
  await lines.evaluate((list) => (list.scrollTop = 0));
  await page.getByRole('button', { name: 'To the newest' }).click();
  await until('the newest is in sight', () =>
    lines.evaluate((list) => list.scrollHeight - list.scrollTop - list.clientHeight < 30));
  assert.deepEqual(await barriers(page), []);
  await page.getByRole('searchbox').fill('no line has this');
  await page.getByText('No such lines').or(page.getByText('Waiting for the first line')).waitFor();

  await page.goto(`${house.origin}/#/logs?tab=audit`);
  await page.getByText('Stop an instance in order and start it again.').first().waitFor();
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.getByText(/^All \d+ rows are as they were written/).waitFor();
  await picture(page, 'logs-audit-desktop-light');
  assert.deepEqual(complaints, []);
});

test('on a phone, in the dark and in German all three fit and an empty one says so', { timeout: 180_000 }, async () => {
  const { page, complaints } = await house.open(PHONE);
  for (const tab of ['errors', 'lines', 'audit']) {
    await page.goto(`${house.origin}/#/logs?tab=${tab}`);
    await page.locator('main h1').waitFor();
    await page.locator('.empty, .table, .lines, main ul').first().waitFor();
    if (tab === 'lines') {
      await until('the newest is in sight', () => page.getByRole('region', { name: 'Protokoll' }).evaluate(
        (list) => list.scrollHeight - list.scrollTop - list.clientHeight < 30));
    }
    const wide = await tooWide(page);
    assert.equal(wide, 0, `${tab} is ${wide} px wider than the phone`);
    await picture(page, `logs-${tab}-phone-dark-de`);
  }
  for (const cause of (await house.ask('GET', '/api/errors')).items) await house.ask('DELETE', `/api/errors/${cause.id}`);
  await page.goto(`${house.origin}/#/logs?tab=errors`);
  await page.getByText('Keine offenen Fehler').waitFor();
  await picture(page, 'logs-empty-phone-dark-de');
  assert.deepEqual(complaints, []);
});
