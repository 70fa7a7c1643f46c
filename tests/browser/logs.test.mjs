// Errors, log and audit trail in headless Chromium: the built daemon with a plugin that falls.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
const secret = 'CANARY-browser-81';

let house, browser, folder, origin, session;

function put(name, contents) {
  const path = join(folder, 'config', name);
  writeFileSync(path, JSON.stringify({ version: '1.0', ...contents }));
  chmodSync(path, 0o600);
}

async function ask(method, path, wish) {
  const headers = { cookie: `fieldrail_session=${session}`, 'x-fieldrail': '1', 'content-type': 'application/json' };
  const answer = await fetch(`${origin}${path}`, { method, headers, body: wish && JSON.stringify(wish) });
  return answer.status === 204 ? undefined : answer.json();
}

/** Looks until there is something. */
async function until(what, look) {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain: ${what}`);
}

before(async () => {
  mkdirSync(pictures, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), 'fieldrail-logs-'));
  mkdirSync(join(folder, 'config'), { recursive: true });
  const falls = (id, how) => ({
    id, driver: 'faller', health: { auto_restart: false },
    config: { how, host: 'plc.example', password: { secret: 'broker' }, api_key: 'none' },
  });
  put('fieldrail.json', { listen: '127.0.0.1:0' });
  put('secrets.json', { secrets: { broker: secret } });
  put('connections.json', {
    connections: [falls('solar', 'raise'), falls('heating', 'exit'), { id: 'counter', driver: 'counter' }],
  });
  const program = join(root, 'target', process.env.FIELDRAIL_PROFILE ?? 'debug', 'fieldrail');
  const folders = ['--config', join(folder, 'config'), '--state', join(folder, 'state')];
  house = spawn(program, [...folders, '--plugins', join(root, 'tests/plugins'), 'run'], { stdio: 'ignore' });
  const door = await until('the daemon serves', () => {
    try {
      return JSON.parse(readFileSync(join(folder, 'state', 'door.json'), 'utf8'));
    } catch {
      return undefined;
    }
  });
  origin = `http://${door.address}`;
  session = door.session;
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

/** A page with a session that fails the test on whatever a visitor's console would complain about. */
async function open(options) {
  const context = await browser.newContext(options);
  await context.addCookies([{ name: 'fieldrail_session', value: session, url: origin }]);
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, context, complaints };
}

const picture = (page, name) => page.screenshot({ path: join(pictures, `logs-${name}.png`) });

test('errors are read and resolved, lines come live, and the audit trail proves itself', { timeout: 90_000 }, async () => {
  await until('all failures are known', async () => (await ask('GET', '/api/errors')).items.length === 3);
  const { page, complaints } = await open({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' });
  await page.goto(`${origin}/#/logs`);
  const row = page.getByRole('button', { name: /× PermissionError/ });
  await row.waitFor({ timeout: 20_000 });
  await picture(page, 'errors-desktop-light');
  await row.click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Traceback (most recent call last)').waitFor();
  await dialog.getByText('samples 2: echo = [secret], power = 21.5').waitFor();
  await picture(page, 'error-desktop-light');
  assert.ok(!(await page.content()).includes(secret), 'a secret is on the page');
  await dialog.getByRole('button', { name: 'Resolve' }).click();
  await row.waitFor({ state: 'detached' });

  await page.goto(`${origin}/#/logs?tab=lines`);
  await page.getByText('Fieldrail').first().waitFor();
  await ask('POST', '/api/admin/instances/counter/restart');
  await page.getByText('console asked for: restart.').waitFor({ timeout: 10_000 });
  await picture(page, 'lines-desktop-light');
  assert.ok(!(await page.content()).includes(secret), 'a secret is in the log');
  await page.getByRole('searchbox').fill('no line has this');
  await page.getByText('No such lines').or(page.getByText('Waiting for the first line')).waitFor();

  await page.goto(`${origin}/#/logs?tab=audit`);
  await page.getByText('Stop an instance in order and start it again.').first().waitFor();
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.getByText(/^All \d+ rows are as they were written/).waitFor();
  await picture(page, 'audit-desktop-light');
  assert.deepEqual(complaints, []);
});

test('on a phone, in the dark and in German all three fit and an empty one says so', { timeout: 60_000 }, async () => {
  const { page, complaints } = await open({ viewport: { width: 390, height: 844 }, locale: 'de-DE', colorScheme: 'dark' });
  for (const tab of ['errors', 'lines', 'audit']) {
    await page.goto(`${origin}/#/logs?tab=${tab}`);
    await page.locator('main h1').waitFor();
    await page.waitForTimeout(1200);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${tab} is ${wide} px wider than the phone`);
    await picture(page, `${tab}-phone-dark-de`);
  }
  for (const cause of (await ask('GET', '/api/errors')).items) await ask('DELETE', `/api/errors/${cause.id}`);
  await page.goto(`${origin}/#/logs?tab=errors`);
  await page.getByText('Keine offenen Fehler').waitFor({ timeout: 10_000 });
  await picture(page, 'empty-phone-dark-de');
  assert.deepEqual(complaints, []);
});
