// A house for tests in headless Chromium: the built daemon with real driver processes, and pages that look at it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { chromium } from 'playwright-core';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** Where every test puts what it saw; git knows nothing of it. */
export const pictures = join(root, 'target', 'screenshots');
/** A desk: large, light, English. */
export const DESK = { viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'light' };
/** A phone in the cellar: small, dark, German. */
export const PHONE = { viewport: { width: 390, height: 844 }, locale: 'de-DE', colorScheme: 'dark' };

const program = join(root, 'target', process.env.FIELDRAIL_PROFILE ?? 'debug', 'fieldrail');
const chromiumArguments = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What comes at all comes within this, on a machine that is three times slower than a desk too. */
const PATIENCE_MS = 60_000;

/** A turn that took longer was one in which the machine stood still. */
const LONGEST_TURN_MS = 2_000;

/** Turns every 50 ms, for a minute of a machine that goes. */
async function* turns() {
  let last = Date.now();
  for (let left = PATIENCE_MS; left > 0; await pause(50)) {
    yield;
    const now = Date.now();
    left -= Math.min(now - last, LONGEST_TURN_MS);
    last = now;
  }
}

/** Looks every 50 ms, for a minute, until there is something. */
export async function until(what, look) {
  for await (const _ of turns()) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`waited in vain: ${what}`);
}

/** Looks until it is what is wanted: deeply equal, or a text that the pattern fits. Tells what it was at last if it never is. */
export async function becomes(look, wanted, why) {
  let last;
  const fits = () => (wanted instanceof RegExp ? wanted.test(String(last)) : isDeepStrictEqual(last, wanted));
  for await (const _ of turns()) {
    last = await look();
    if (fits()) return;
  }
  if (wanted instanceof RegExp) assert.match(String(last), wanted, why);
  assert.deepEqual(last, wanted, why);
}

/** Linux gives no socket a port of these unless it is asked for it, so what is free stays free until the house uses it. */
const PORTS = { first: 20_000, count: 12_000 };
let given = process.pid * 16;

/** A port that nobody listens on and that this file of tests did not get before. */
export async function freePort() {
  for (;;) {
    const port = PORTS.first + (given++ % PORTS.count);
    const isFree = await new Promise((resolve) => {
      const server = createServer().once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** The demo's own files with free ports in place of the fixed ones, so that a running demo does no harm. */
async function furnish(folder) {
  const [broker, webhook] = [await freePort(), await freePort()];
  for (const name of ['fieldrail', 'connections', 'routing', 'datapoints', 'widgets']) {
    const text = readFileSync(join(root, 'crates/fieldrail/demo', `${name}.json`), 'utf8');
    writeFileSync(
      join(folder, `${name}.json`),
      text.replaceAll('127.0.0.1:8420', '127.0.0.1:0').replaceAll('18830', broker).replaceAll('18831', webhook),
    );
  }
}

/** The houses that serve now. */
const houses = new Set();

/** What houses did in which a test failed; `scripts/test` shows it. */
const failures = join(root, 'target', 'failed-houses.txt');

// Why something does not come is often told by the house and not by the page.
afterEach(async (test) => {
  if (test.passed !== false) return;
  for (const house of houses) appendFileSync(failures, `in the house of "${test.name}":\n${await house.state()}\n`);
});

class House {
  #browser;
  #contexts = new Set();
  #process;

  /** The folder with `config/` and `state/`. */
  constructor(folder, command) {
    this.folder = folder;
    this.command = command;
    mkdirSync(pictures, { recursive: true });
    mkdirSync(join(folder, 'config'), { recursive: true });
  }

  /** Writes a file of the configuration as only its owner may read it. */
  put(name, contents) {
    const path = join(this.folder, 'config', name);
    writeFileSync(path, JSON.stringify({ version: '1.0', ...contents }));
    chmodSync(path, 0o600);
  }

  /** What stands in a file of the configuration. */
  file(name) {
    return JSON.parse(readFileSync(join(this.folder, 'config', name), 'utf8'));
  }

  /** Starts the daemon and waits until it serves. */
  async start() {
    const folders = ['--config', join(this.folder, 'config'), '--state', join(this.folder, 'state')];
    const door = join(this.folder, 'state', 'door.json');
    rmSync(door, { force: true });
    this.said = '';
    this.#process = spawn(program, [...folders, ...this.command], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process.stdout.on('data', (text) => (this.said += text));
    this.#process.stderr.on('data', (text) => process.env.FIELDRAIL_VERBOSE && process.stderr.write(text));
    const { address, session } = await until('the daemon serves', () => {
      if (this.#process.exitCode !== null) throw new Error(`the daemon ended: ${this.said}`);
      try {
        return JSON.parse(readFileSync(door, 'utf8'));
      } catch {
        return undefined;
      }
    });
    this.session = session;
    this.origin = `http://${address}`;
    houses.add(this);
    return this;
  }

  /** What its instances do and what it warned of at last, as text. */
  async state() {
    try {
      const instances = (await this.ask('GET', '/api/admin/instances')).items;
      const lines = (await this.ask('GET', '/api/logs?level=warn&limit=20')).items;
      const told = instances.map(({ id, state, text }) => `${id} is ${state}: ${text}`);
      return [...told, ...lines.map(({ time_ms, instance, message }) => `${new Date(time_ms).toISOString()} ${instance} ${message}`)].join('\n');
    } catch (error) {
      return `the house tells nothing: ${error}`;
    }
  }

  /** The one-time link that the daemon prints. */
  get link() {
    return until('the login link', () => this.said.match(/http:\/\/\S+once=\S+/)?.[0]);
  }

  get pid() {
    return this.#process.pid;
  }

  /** Ends the daemon: in order, or with `SIGKILL` as a power cut would. */
  async stop(signal = 'SIGTERM') {
    if (!this.#process || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    houses.delete(this);
    const ended = new Promise((resolve) => this.#process.on('exit', resolve));
    this.#process.kill(signal);
    await ended;
  }

  /** Closes all pages; those that a test leaves open go on with their values while the next one runs. */
  async closePages() {
    await Promise.all([...this.#contexts].map((context) => context.close()));
  }

  /** Ends all and removes the folder. */
  async close() {
    await this.#browser?.close();
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Asks the API through the daemon's own door: status, answer and headers. */
  async call(method, path, wish, headers = {}) {
    const answer = await fetch(`${this.origin}${path}`, {
      method,
      headers: {
        cookie: `fieldrail_session=${this.session}`, 'x-fieldrail': '1', 'content-type': 'application/json', ...headers,
      },
      body: wish === undefined ? undefined : JSON.stringify(wish),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, json: text ? JSON.parse(text) : undefined };
  }

  async ask(method, path, wish) {
    return (await this.call(method, path, wish)).json;
  }

  write(address, value) {
    return this.call('POST', '/api/datapoint/write', { address, value });
  }

  /** The value and quality of a datapoint right now. */
  async datapoint(address) {
    const { status, json } = await this.call('GET', `/api/datapoint?address=${encodeURIComponent(address)}`);
    return status === 200 ? json : undefined;
  }

  /** A page, logged in unless told otherwise, that collects what a visitor's console would complain about. */
  async open(options, { loggedIn = true } = {}) {
    this.#browser ??= await chromium.launch({ executablePath: '/usr/bin/chromium', args: chromiumArguments });
    // What a service worker keeps would hide from a test what the daemon sends; the test of the worker lets it in.
    const context = await this.#browser.newContext({ serviceWorkers: 'block', ...options });
    this.#contexts.add(context);
    context.on('close', () => this.#contexts.delete(context));
    if (loggedIn) await context.addCookies([{ name: 'fieldrail_session', value: this.session, url: this.origin }]);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (hostname !== '127.0.0.1' && !['data:', 'blob:'].includes(protocol)) complaints.push(`asks ${hostname}`);
    });
    /** Opens `#/path` and waits for its heading. */
    const visit = async (path) => {
      await page.goto(`${this.origin}/#/${path}`);
      await page.locator('main h1').first().waitFor();
    };
    const waits = asks(page);
    /** Waits until the page asks nothing and shows no place holder, twice in a row. */
    const settled = async () => {
      let calm = 0;
      await until(`${page.url()} is all there`, async () => {
        // The gallery shows the place holder itself.
        const shows = await page.locator('main .skeleton:not(.states .skeleton)').count();
        calm = shows + waits() === 0 ? calm + 1 : 0;
        return calm === 2;
      });
    };
    return { page, context, complaints, visit, settled };
  }
}

/** How many answers the page waits for right now. */
function asks(page) {
  const open = new Set();
  page.on('request', (request) => request.resourceType() !== 'websocket' && open.add(request));
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => open.delete(request));
  // Another document waits for nothing that the one before had asked.
  page.on('domcontentloaded', () => open.clear());
  return () => open.size;
}

/** The demo house on free ports: a simulated PLC, inverter, battery gateway, broker and webhook receiver. */
export async function demoHouse() {
  const folder = mkdtempSync(join(tmpdir(), 'fieldrail-demo-'));
  const house = new House(folder, ['demo']);
  await furnish(join(folder, 'config'));
  return house.start();
}

/** A house of one's own with these connections; further files by `put` before `start`. */
export function ownHouse(connections, { plugins = 'tests/plugins' } = {}) {
  const house = new House(mkdtempSync(join(tmpdir(), 'fieldrail-own-')), ['--plugins', join(root, plugins), 'run']);
  house.put('fieldrail.json', { listen: '127.0.0.1:0' });
  house.put('connections.json', { connections });
  return house;
}

/** The page of somebody with this role, who is made if need be. */
export async function enter(house, options, role) {
  const person = { name: role, role, password: `the ${role} of the house` };
  const { status } = await house.call('POST', '/api/admin/users', person);
  if (![200, 201, 409].includes(status)) throw new Error(`no ${role}: ${status}`);
  const opened = await house.open(options, { loggedIn: false });
  const { name, password } = person;
  const answer = await opened.context.request.post(`${house.origin}/api/login`, { data: { name, password }, headers: { 'x-fieldrail': '1' } });
  if (!answer.ok()) throw new Error(`the ${role} cannot log in: ${answer.status()}`);
  return opened;
}

/** Looks until it sees what is right, for this long at most: a page may be on its way from one layout or colour to another. */
async function atRest(look, isRight) {
  for (const end = Date.now() + 5_000; ; await pause(100)) {
    const seen = await look();
    if (isRight(seen) || Date.now() > end) return seen;
  }
}

/** How many pixels the page at rest is wider than its window; nothing may be. */
export function tooWide(page) {
  const wide = () => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
  return atRest(wide, (pixels) => pixels === 0);
}

export function picture(page, name) {
  return page.screenshot({ path: join(pictures, `${name}.png`) });
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');

/** What axe-core finds serious or critical on the page at rest, or in a part of it, a line each; nothing may be. */
export function barriers(page, within = 'html') {
  return atRest(() => lookForBarriers(page, within), (lines) => lines.length === 0);
}

async function lookForBarriers(page, within) {
  // Not a script of the page, so its Content-Security-Policy does not keep it out.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate((part) => globalThis.axe.run(part, { resultTypes: ['violations'] }), within);
  const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  return serious.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} at ${target}: ${failureSummary}`));
}
