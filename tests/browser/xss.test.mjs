// What strangers can write must never run: each string of the corpus comes in by every name that is not ours, each page is
// looked at in both languages, and nothing of it becomes more than text.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { DESK, ownHouse, picture, until } from './house.mjs';
import { places, svelteFiles } from './pages.mjs';

const corpus = JSON.parse(readFileSync(new URL('xss.json', import.meta.url), 'utf8'));
/** So many at once in one name that may be long. */
const chunk = (size) => Array.from({ length: Math.ceil(corpus.length / size) }, (_, i) => corpus.slice(i * size, (i + 1) * size));
/** Pages that show what comes from outside, and how many of the strings have to be read there at the least, so that it is known that they come. */
const surfaces = {
  instances: 100, 'instances?logs=scribe': 60, alarms: 100, routes: 100, 'logs?tab=lines': 30, logs: 30,
  'data?search=script': 10, 'data?instance=scribe': 10,
};
let house;
/** Names of people and of tokens that the daemon took. */
const admitted = { users: [], tokens: [] };

before(async () => {
  house = ownHouse([
    { id: 'scribe', name: corpus[0], driver: 'scribe', config: { strings: corpus } },
    ...chunk(40).map((strings, i) => (
      { id: `raiser${i}`, name: strings.at(-1), driver: 'scribe', health: { auto_restart: false }, config: { strings: [strings.join(' '), 'x'], raises: true } }
    )),
    ...corpus.map((name, i) => ({ id: `v${i}`, name, driver: 'virtual' })),
  ]);
  const about = corpus.map((text, i) => [`calc.c${i}`, { name: text, unit: text.slice(0, 40), role: 'alarm', alarm: { severity: 'critical' } }]);
  house.put('datapoints.json', { datapoints: Object.fromEntries(about) });
  const routes = corpus.map((text, i) => ({ id: `r${i}`, from: `v${i}.in`, to: `v${i}.out`, description: text }));
  house.put('routing.json', { routes });
  await house.start();
  const give = async (source_id, tag, value) => {
    const { status, json } = await house.call('POST', '/api/router/data', { source_id, tag, value });
    assert.equal(status, 204, JSON.stringify(json));
  };
  for (const [i, text] of corpus.entries()) {
    await give('calc', `c${i}`, true);
    await give(`v${i}`, 'in', text);
  }
  for (const text of ['plain', ...corpus]) {
    const user = await house.call('POST', '/api/admin/users', { name: text, password: 'long enough', role: 'viewer' });
    const token = await house.call('POST', '/api/admin/tokens', { name: text, role: 'viewer', scope: {} });
    for (const [what, { status }] of [['users', user], ['tokens', token]]) if (status < 300) admitted[what].push(text);
  }
  await until('the log has them', async () => (await house.ask('GET', '/api/logs?instance=scribe&limit=500')).items.length > corpus.length);
  await until('the alarms ring', async () => (await house.ask('GET', '/api/alarms?limit=500')).items.length === corpus.length);
  await until('its errors are known', async () => (await house.ask('GET', '/api/errors')).items.length >= chunk(40).length);
}, { timeout: 180_000 });
after(() => house?.close());

/** Runs in the page before anything of it: whatever runs or is refused leaves a trace. */
function watch() {
  globalThis.__seen = { ran: [], refused: [] };
  globalThis.__ran = (what) => globalThis.__seen.ran.push(String(what));
  addEventListener('securitypolicyviolation', (event) => globalThis.__seen.refused.push(`${event.violatedDirective} ${event.blockedURI}`));
}

/** Runs in the page: what stands in it that the app itself never makes. */
function strange() {
  const never = 'iframe, frame, frameset, object, embed, base, math, marquee, video, audio, track, source, template, foreignObject, animate, set, use, image, noembed, xmp, main noscript, style, xss, x-made, [style*="javascript"], [srcdoc], meta[http-equiv]:not([http-equiv="x-ua-compatible" i])';
  const found = [...document.querySelectorAll(never)].map((one) => one.outerHTML.slice(0, 120));
  for (const element of document.querySelectorAll('*')) {
    for (const { name, value } of element.attributes) {
      const runs = /^on/i.test(name) || (/^(href|src|action|formaction|data|xlink:href)$/i.test(name) && /^[\s\u0000-\u001f]*(java|vb)script|^\s*data:text\/html/i.test(value));
      if (runs) found.push(element.outerHTML.slice(0, 120));
    }
  }
  const scripts = [...document.scripts].filter(({ src }) => !src.startsWith(`${location.origin}/assets/`));
  return [...found, ...scripts.map(({ outerHTML }) => outerHTML.slice(0, 120))];
}

/** Opens what a page shows only on demand. */
async function open(page) {
  await page.locator('main details').evaluateAll((all) => all.slice(0, 30).forEach((one) => (one.open = true)));
  const rows = page.locator('main').locator('tr button, li button, article button, [role="treeitem"], [data-testid^="value-"]');
  for (let i = 0, most = Math.min(await rows.count(), 8); i < most; i += 1) {
    await rows.nth(i).click({ timeout: 600, force: true }).catch(() => {});
    await page.keyboard.press('Escape');
  }
}

for (const locale of ['en-GB', 'de-DE']) {
  test(`nothing of ${corpus.length} strings runs on any page, and all are shown as text (${locale})`, { timeout: 360_000 }, async () => {
    const { page, context, visit, settled } = await house.open({ ...DESK, locale });
    const dialogs = [];
    page.on('dialog', (dialog) => (dialogs.push(dialog.message()), void dialog.dismiss()));
    page.on('popup', (popup) => dialogs.push(`opens ${popup.url()}`));
    await context.addInitScript(watch);
    // It looks and presses; what it presses changes nothing of the house but asks it.
    await page.route('**/api/**', (route) => {
      const asks = route.request().method() === 'GET' || /\/call\/|\/check|\/test$/.test(route.request().url());
      return asks ? route.continue() : route.abort();
    });
    /** What was read on which page. */
    const shown = new Map();
    const remember = async (place) => {
      const text = await page.evaluate(() => document.body.textContent);
      // Of long lists only what is on the screen is there.
      await page.evaluate(() => scrollBy(0, innerHeight / 2));
      const read = shown.get(place) ?? new Set();
      for (const string of corpus) if (text.includes(string)) read.add(string);
      shown.set(place, read);
      return read.size;
    };
    for (const place of new Set([...places, ...Object.keys(surfaces)])) {
      await visit(place);
      const least = surfaces[place] ?? 0;
      if (least === 0) await settled();
      await until(`${least} of the strings on ${place}`, async () => (await remember(place)) >= least);
      await open(page);
      await remember(place);
      assert.deepEqual(await page.evaluate(strange), [], `on ${place}`);
      const seen = await page.evaluate(() => globalThis.__seen);
      assert.deepEqual(seen, { ran: [], refused: [] }, `on ${place}`);
      assert.ok(page.url().startsWith(`${house.origin}/#/`), `${place} led to ${page.url()}`);
    }
    // Each as the name of an instance, letter by letter.
    await visit('instances');
    const names = await until('all are there', async () => {
      const all = await page.locator('article h2').evaluateAll((all) => all.map(({ textContent }) => textContent));
      return all.length >= corpus.length && all;
    });
    assert.deepEqual(corpus.filter((text) => !names.includes(text)), []);
    await picture(page, `xss-instances-${locale}`);
    assert.deepEqual(dialogs, []);
    await context.close();
  });
}

test('the policy of the pages allows no inline script, and the watch sees what runs', { timeout: 180_000 }, async () => {
  const { headers } = await fetch(`${house.origin}/`);
  const policy = headers.get('content-security-policy');
  assert.match(policy, /default-src '(none|self)'/);
  assert.ok(!/unsafe-(inline|eval)|\*/.test(policy.replace(/style-src[^;]*/, '')), policy);
  const { page, context, visit } = await house.open(DESK);
  await context.addInitScript(watch);
  await visit('instances');
  // As a page with `{@html}` would do it: the proof has to see it.
  await page.evaluate(() => document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=__ran(1)><iframe srcdoc="x"></iframe>'));
  await until('the refusal', () => page.evaluate(() => globalThis.__seen.refused.length > 0));
  assert.ok((await page.evaluate(strange)).length >= 2);
  await context.close();
});

test('no page puts text in as HTML', () => {
  const guilty = svelteFiles().filter((file) => /\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write/.test(readFileSync(file, 'utf8')));
  assert.deepEqual(guilty, []);
});

test('names of people and tokens are plain, whoever gives them', () => {
  for (const names of Object.values(admitted)) {
    assert.ok(names.includes('plain'), 'a plain name is taken');
    assert.deepEqual(names.filter((name) => !/^[\w .@-]+$/.test(name)), []);
  }
});

