// Routes in headless Chromium, in the demo house: found, written, tried, tested, saved, switched, deleted and had again.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DESK, PHONE, barriers, becomes, demoHouse, picture, tooWide, until } from './house.mjs';

let house, original;

before(async () => {
  house = await demoHouse();
  original = house.file('routing.json');
  await until('the PLC and the inverter say something', async () =>
    (await house.datapoint('plc_001.main.fpvpower'))?.quality === 'good' && (await house.datapoint('inverter.pv_power'))?.quality === 'good');
}, { timeout: 180_000 });
after(() => house?.close());

const routeOf = async (id) => (await house.call('GET', `/api/router/routes/${encodeURIComponent(id)}`)).json;
const idsNow = async () => (await house.ask('GET', '/api/router/routes')).items.map(({ id }) => id);
/** All routes as they were, or these. */
const putAll = async (routes = original.routes) => {
  const { status, json } = await house.call('PUT', '/api/router/routes', { version: '1.0', routes });
  assert.equal(status, 200, JSON.stringify(json));
};
/** Both themes of a page as it stands. */
const noBarriers = async (page) => {
  for (const colorScheme of ['light', 'dark']) {
    // Nothing may be on its way from one colour to the other.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    assert.deepEqual(await barriers(page), [], colorScheme);
  }
};

test('a value of the PLC goes to a register of the inverter, by a route that is completed, checked, seen and saved', { timeout: 180_000 }, async () => {
  const { page, context, complaints, visit } = await house.open(DESK);
  await visit('routes');
  await page.getByTestId('route-pv_in_kilowatts').waitFor();
  await page.locator('[data-testid="route-pv_for_the_plc"][data-state="working"]').waitFor();
  await picture(page, 'routes-desktop-light');
  await noBarriers(page);
  await page.emulateMedia({ colorScheme: 'light' });

  await page.getByRole('button', { name: 'New route' }).click();
  await page.getByRole('heading', { name: 'New route' }).waitFor();
  await page.getByLabel('Name', { exact: true }).fill('limit');
  const from = page.getByRole('combobox', { name: 'From' });
  await from.fill('plc_001.main.fpv');
  await page.getByRole('option', { name: /plc_001\.main\.fpvpower/i }).first().waitFor();
  await picture(page, 'routes-completion-desktop-light');
  await from.press('ArrowDown');
  await from.press('Enter');
  await becomes(() => from.inputValue(), /^plc_001\.main\.fpvpower$/i);
  // By its name, not by its address; and a register that nothing reads yet, from the driver's own list.
  const to = page.getByRole('combobox', { name: 'To', exact: true });
  await to.fill('inverter.export_power_lim');
  await page.getByRole('option', { name: /inverter\.export_power_limit\b/ }).first().click();
  await becomes(() => to.inputValue(), 'inverter.export_power_limit');

  // A mistake is shown where it is, and one click mends it.
  const transform = page.getByRole('textbox', { name: 'Transform' });
  await transform.fill('scale(0.1) | rond(0)');
  await page.getByTestId('finding-transform').getByText('did you mean').waitFor();
  await becomes(() => page.locator('mark').textContent(), 'rond');
  await becomes(() => page.getByRole('button', { name: 'Save' }).isDisabled(), true);
  await picture(page, 'routes-mistake-desktop-light');
  await page.getByRole('button', { name: 'Use “round”' }).click();
  await becomes(() => transform.inputValue(), 'scale(0.1) | round(0)');
  await page.getByTestId('finding-transform').waitFor({ state: 'detached' });

  // Each step shows what it makes of the present value, and follows it.
  const shown = async (stage) => Number((await page.getByTestId(`stage-${stage}`).locator('.value').textContent()).replaceAll(',', ''));
  await page.getByTestId('stage-1').locator('.value').waitFor();
  await until('the preview computes', async () => (await shown(1)) === Math.round(await shown(0)));
  const first = await shown('source');
  await until('the preview follows its source', async () => (await shown('source')) !== first);
  await page.getByTestId('preview-target').getByText('gets it').waitFor();
  await picture(page, 'routes-editor-desktop-light');
  await noBarriers(page);

  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'limit' }).waitFor();
  await becomes(() => page.url(), /#\/routes\?id=limit$/);
  const saved = await routeOf('limit');
  assert.equal(saved.transform, 'scale(0.1) | round(0)');
  assert.equal(saved.to, 'inverter.export_power_limit');
  await until('the register has the value of the PLC', async () => {
    const plc = await house.datapoint('plc_001.main.fpvpower');
    const register = await house.ask('GET', '/api/datapoint?address=inverter.export_power_limit&read=true');
    return register.quality === 'good' && register.value > 0 && Math.abs(register.value - plc.value / 10) <= plc.value / 20;
  });
  await page.getByTestId('explain').getByRole('button', { name: /inverter\.export_power_limit/ }).click();
  await page.getByTestId('explain').getByText('The route `limit` sent it').waitFor();
  await page.getByTestId('counters').getByText('Passed on').waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a route is changed, switched off and on, copied, deleted and had again at its place', { timeout: 180_000 }, async () => {
  await putAll();
  const { page, context, complaints, visit } = await house.open(DESK);
  await visit('routes?id=battery_low');
  const save = page.getByRole('button', { name: 'Save' });
  await becomes(() => save.isDisabled(), true, 'there is nothing to save yet');
  await page.getByLabel('What it is for').fill('<img src=x onerror=alert(1)> Wärme');
  await page.getByText('not saved', { exact: true }).waitFor();
  // Leaving loses nothing.
  await page.getByRole('link', { name: 'All routes' }).click();
  await page.getByText('Changes of battery_low are not saved yet.').waitFor();
  await page.getByRole('button', { name: 'Go on editing' }).click();
  await page.getByText('Your changes of before are here again').waitFor();
  await save.click();
  await page.getByText('battery_low is saved and in force.').waitFor();
  await becomes(async () => (await routeOf('battery_low')).description, '<img src=x onerror=alert(1)> Wärme');
  // The keys that few routes need.
  await page.getByText('Delivery, priority and more').click();
  await page.getByRole('textbox', { name: 'May wait at most' }).fill('5000');
  await page.getByRole('combobox', { name: 'Delivery' }).selectOption('queued');
  await page.getByRole('checkbox', { name: 'good' }).check();
  await save.click();
  await until('all keys are saved', async () => {
    const { ttl_ms, delivery, on_quality } = await routeOf('battery_low');
    return ttl_ms === 5000 && delivery === 'queued' && on_quality?.join() === 'good';
  });
  await page.getByRole('button', { name: 'Duplicate' }).click();
  await page.getByRole('heading', { name: 'New route' }).waitFor();
  await becomes(() => page.getByLabel('Name', { exact: true }).inputValue(), 'battery_low_2');
  await page.getByTestId('finding-to').getByText('is written by the route `battery_low` too').waitFor();
  await page.getByTestId('effects').getByText('calc.battery_level is also written by battery_low.').waitFor();
  await becomes(() => save.isDisabled(), true);

  await visit('routes');
  const toggle = page.getByRole('switch', { name: 'Route lights enabled' });
  await toggle.click();
  await page.locator('[data-testid="route-lights"][data-state="off"]').waitFor();
  await becomes(async () => (await routeOf('lights')).enabled, false);
  await toggle.click();
  await until('it is on again', async () => (await routeOf('lights')).enabled !== false);

  const before = await idsNow();
  const kept = await routeOf('lights');
  await page.getByRole('button', { name: 'Delete lights' }).click();
  await page.getByTestId('route-lights').waitFor({ state: 'detached' });
  await becomes(async () => (await idsNow()).includes('lights'), false);
  await picture(page, 'routes-undo-desktop-light');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByTestId('route-lights').waitFor();
  await becomes(() => idsNow(), before, 'it is back at its place');
  await becomes(async () => ({ ...(await routeOf('lights')), stats: 0 }), { ...kept, stats: 0 });

  await page.getByRole('searchbox', { name: 'Search routes' }).fill('wärme');
  await page.getByTestId('route-lights').waitFor({ state: 'detached' });
  await page.getByTestId('route-battery_low').waitFor();
  await page.getByRole('searchbox', { name: 'Search routes' }).fill('');
  await page.getByRole('combobox', { name: 'Sort by' }).selectOption('id');
  await until('they are in the order of their names', async () => {
    const shown = await page.locator('[data-testid^="route-"]').evaluateAll((rows) => rows.map((row) => row.dataset.testid.slice(6)));
    return shown.length === before.length && shown.join() === [...shown].sort((a, b) => a.localeCompare(b)).join();
  });
  assert.deepEqual(complaints, []);
  await context.close();
});

test('form and JSON are one route, and test cases run while they are written', { timeout: 180_000 }, async () => {
  await putAll();
  const { page, context, complaints, visit } = await house.open(DESK);
  await visit('routes?id=pv_in_kilowatts');
  await page.getByText('JSON', { exact: true }).click();
  const json = page.getByRole('textbox', { name: 'The route as it stands in routing.json' });
  const spec = JSON.parse(await json.inputValue());
  assert.equal(spec.transform, 'scale(0.001) | round(2)');
  await json.fill(JSON.stringify({ ...spec, condition: 'value > 10' }).slice(0, -1));
  await page.getByText('This is no JSON: line 1').waitFor();
  await becomes(() => page.getByRole('button', { name: 'Save' }).isDisabled(), true);
  // Not even what is no JSON yet is lost on the way.
  await page.getByRole('link', { name: 'All routes' }).click();
  await page.getByRole('button', { name: 'Go on editing' }).click();
  await page.getByText('This is no JSON: line 1').waitFor();
  await becomes(() => json.inputValue(), /"condition":"value > 10"$/);
  await json.fill(JSON.stringify({ ...spec, condition: 'value > 10', from: 5 }));
  await page.getByText('an address, or a list of addresses').first().waitFor();
  await json.fill(JSON.stringify({ ...spec, condition: 'value > 10' }));
  await page.getByText('Form', { exact: true }).click();
  await becomes(() => page.getByRole('textbox', { name: 'Condition' }).inputValue(), 'value > 10');
  await page.getByTestId('stage-condition').getByText('true: goes on').waitFor();

  await page.getByRole('button', { name: 'From the present value' }).click();
  await page.locator('[data-testid="test-0"][data-holds="true"]').waitFor();
  const one = page.getByTestId('test-0');
  await one.getByRole('textbox', { name: 'Has to come out' }).fill('-1');
  await page.locator('[data-testid="test-0"][data-holds="false"]').waitFor();
  await one.getByText('expected -1, got').waitFor();
  await page.getByText('1 test case does not hold; it can be saved all the same.').waitFor();
  await picture(page, 'routes-tests-desktop-light');
  await noBarriers(page);
  await one.getByRole('button', { name: 'Expect what came out' }).click();
  await page.locator('[data-testid="test-0"][data-holds="true"]').waitFor();
  await one.getByRole('textbox', { name: 'What it shows' }).fill('kilowatts');
  await page.getByRole('button', { name: 'Save' }).click();
  await until('the test is saved', async () => (await routeOf('pv_in_kilowatts')).tests?.[0]?.name === 'kilowatts');

  // A value of one's own.
  await page.getByRole('button', { name: 'Try another value' }).click();
  await page.getByRole('textbox', { name: 'Value to try' }).fill('5');
  await page.getByTestId('stage-condition').getByText('false: goes no further').waitFor();
  await page.getByRole('textbox', { name: 'Value to try' }).fill('warm');
  await page.getByTestId('stage-condition').getByText('a text is compared with a number').waitFor();
  await page.getByRole('button', { name: 'Back to the present value' }).click();
  await page.getByTestId('stage-condition').getByText('true: goes on').waitFor();

  // Words are completed by keyboard, with their meaning.
  const condition = page.getByRole('textbox', { name: 'Condition' });
  await condition.fill('');
  await condition.pressSequentially('qual');
  await page.getByRole('option', { name: /quality.*uncertain/ }).waitFor();
  await condition.press('Enter');
  await becomes(() => condition.inputValue(), 'quality');
  await condition.pressSequentially(" == 'good' and dp('calc.battery_l");
  await page.getByRole('option', { name: /calc\.battery_level/ }).waitFor();
  await condition.press('Enter');
  await becomes(() => condition.inputValue(), /dp\('calc\.battery_level$/);
  // What is far too much is refused in words, and the page stays alive.
  await condition.fill('('.repeat(100_000));
  await page.getByTestId('finding-condition').first().waitFor();
  await condition.fill(`${'('.repeat(500)}value${')'.repeat(500)}`);
  await page.getByTestId('finding-condition').getByText(/deep|levels/).waitFor();
  await page.getByRole('button', { name: 'Discard changes' }).click();
  await becomes(() => condition.inputValue(), 'value > 10');
  assert.deepEqual(complaints.filter((line) => !line.includes('400')), []);
  await context.close();
});

test('a lost race shows both versions and loses none', { timeout: 180_000 }, async () => {
  await putAll();
  const { page, context, visit } = await house.open(DESK);
  await visit('routes?id=temperatures');
  const mine = page.getByRole('textbox', { name: 'Transform' });
  const save = page.getByRole('button', { name: 'Save' });
  const elsewhere = (change) => routeOf('temperatures').then(({ etag: _e, stats: _s, ...spec }) => house.call('PUT', '/api/router/routes/temperatures', { ...spec, ...change }));
  await mine.fill('round(2)');
  await page.getByText('No mistakes found').waitFor();
  assert.equal((await elsewhere({ description: 'theirs' })).status, 200);
  await save.click();
  const race = page.getByTestId('race');
  await race.getByText('Somebody else has changed this route').waitFor();
  await race.getByText('round(2)').waitFor();
  await race.getByText('theirs', { exact: false }).first().waitFor();
  await picture(page, 'routes-race-desktop-light');
  await noBarriers(page);
  await race.getByRole('button', { name: 'Join both' }).click();
  await race.waitFor({ state: 'detached' });
  await save.click();
  await until('both changes are there', async () => {
    const { description, transform } = await routeOf('temperatures');
    return description === 'theirs' && transform === 'round(2)';
  });
  // The same key: no joining, but either version.
  await mine.fill('round(0)');
  await page.getByText('No mistakes found').waitFor();
  await elsewhere({ transform: 'int' });
  await save.click();
  await race.getByRole('button', { name: 'Go on with mine' }).waitFor();
  await becomes(() => race.getByRole('button', { name: 'Join both' }).count(), 0);
  await race.getByRole('button', { name: 'Go on with mine' }).click();
  await save.click();
  await until('mine is in force', async () => (await routeOf('temperatures')).transform === 'round(0)');
  // Deleted meanwhile: it can be added again.
  await mine.fill('round(3)');
  await page.getByText('No mistakes found').waitFor();
  await house.call('DELETE', '/api/router/routes/temperatures');
  await save.click();
  await race.getByRole('button', { name: 'Add it again' }).click();
  await save.click();
  await until('it is there again', async () => (await routeOf('temperatures')).transform === 'round(3)');
  await context.close();
});

test('sources, targets, steps, switches and test cases come and go, and a daemon that does not answer is told', { timeout: 180_000 }, async () => {
  await putAll();
  const { page, context, visit } = await house.open(DESK);
  await page.route('**/api/router/routes', (route) => route.abort());
  await visit('routes');
  await page.getByText('Fieldrail does not answer').waitFor();
  await page.unroute('**/api/router/routes');
  await page.getByRole('button', { name: 'Try again', exact: true }).click();
  await becomes(() => page.getByRole('link', { name: 'Versions' }).getAttribute('href'), '#/system?tab=files&file=routing.json');
  await page.getByRole('button', { name: 'Duplicate battery_low' }).click();
  await page.getByRole('heading', { name: 'New route' }).waitFor();
  await page.getByRole('button', { name: 'Another source' }).click();
  await page.getByRole('combobox', { name: 'Source 2' }).fill('inverter.battery_soc');
  await page.getByRole('combobox', { name: 'To', exact: true }).fill('calc.first');
  await page.getByRole('button', { name: 'Another target' }).click();
  await page.getByRole('combobox', { name: 'Target 2' }).fill('calc.second');
  await page.getByRole('button', { name: 'Another target' }).click();
  await page.getByRole('button', { name: 'Remove Target 3' }).click();
  await page.getByRole('combobox', { name: 'Add a step …' }).selectOption('on_change');
  await page.getByText('Delivery, priority and more').click();
  await page.getByRole('switch', { name: 'This route works' }).click();
  await page.getByRole('switch', { name: 'Both ends follow each other' }).click();
  await page.getByText('a route in both directions has one address on either side').waitFor();
  await page.getByRole('switch', { name: 'Both ends follow each other' }).click();
  await page.getByRole('textbox', { name: 'Priority' }).fill('many');
  await page.getByText('This is no whole number.').waitFor();
  await page.getByRole('textbox', { name: 'Priority' }).fill('3');
  await page.getByRole('button', { name: 'Empty test case' }).click();
  await page.getByRole('button', { name: 'Empty test case' }).click();
  await page.getByTestId('test-1').waitFor();
  await page.getByRole('button', { name: 'Remove test case 2' }).click();
  await page.getByTestId('test-1').waitFor({ state: 'detached' });
  await page.getByTestId('test-0').getByRole('textbox', { name: 'Goes in' }).fill('{"value"');
  await page.getByTestId('test-0').getByText('This is no JSON.').waitFor();
  await page.getByTestId('test-0').getByRole('textbox', { name: 'Goes in' }).fill('5');
  await page.getByText('JSON', { exact: true }).click();
  const json = page.getByRole('textbox', { name: 'The route as it stands in routing.json' });
  const tidy = await json.inputValue();
  await json.fill(JSON.stringify(JSON.parse(tidy)));
  await page.getByRole('button', { name: 'Tidy up' }).click();
  await becomes(() => json.inputValue(), tidy);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'battery_low_2' }).waitFor();
  const { etag: _e, stats: _s, description: _d, ...saved } = await routeOf('battery_low_2');
  assert.deepEqual(saved, {
    id: 'battery_low_2', enabled: false, priority: 3, to: ['calc.first', 'calc.second'], tests: [{ input: 5, output: 0 }],
    from: ['solar.solar_assistant/total/battery_state_of_charge/state', 'inverter.battery_soc'],
    transform: 'expr(if(value < 20, "low", if(value < 80, "normal", "full"))) | on_change',
  });
  // What is thrown away is gone; what somebody else made is taken over.
  await visit('routes?id=lights');
  await page.getByLabel('What it is for').fill('mine');
  await page.getByRole('link', { name: 'All routes' }).click();
  await page.getByRole('button', { name: 'Throw away' }).click();
  await page.getByText('Changes of lights are not saved yet.').waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'lights', exact: true }).click();
  await becomes(() => page.getByLabel('What it is for').inputValue(), original.routes.find(({ id }) => id === 'lights').description);
  await page.getByLabel('What it is for').fill('mine');
  await house.call('PUT', '/api/router/routes/lights', { ...original.routes.find(({ id }) => id === 'lights'), description: 'theirs' });
  await page.getByText('No mistakes found').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByTestId('race').getByRole('button', { name: 'Take theirs' }).click();
  await becomes(() => page.getByLabel('What it is for').inputValue(), 'theirs');
  await becomes(() => page.getByRole('button', { name: 'Save' }).isDisabled(), true);
  await context.close();
});

test('a viewer looks and tries, and changes nothing', { timeout: 180_000 }, async () => {
  await putAll();
  const anna = { name: 'anna', password: 'nur zum Ansehen 1' };
  await house.call('POST', '/api/admin/users', { ...anna, role: 'viewer' });
  const { headers } = await house.call('POST', '/api/login', anna);
  const [name, value] = headers.get('set-cookie').split(';')[0].split('=');
  const { page, context } = await house.open(DESK, { loggedIn: false });
  await context.addCookies([{ name, value, url: house.origin }]);
  await page.goto(`${house.origin}/#/routes`);
  await page.getByTestId('route-lights').waitFor();
  await becomes(() => page.getByRole('switch').count(), 0);
  await becomes(() => page.getByRole('button', { name: /New route|Delete|Duplicate/ }).count(), 0);
  await page.getByRole('link', { name: 'pv_in_kilowatts' }).click();
  await page.getByTestId('stage-1').locator('.value').waitFor();
  await becomes(() => page.getByRole('button', { name: 'Save' }).count(), 0);
  await becomes(() => page.getByRole('textbox', { name: 'Transform' }).isDisabled(), true);
  await context.close();
});

test('on a phone, in German, with hostile names and five thousand routes', { timeout: 180_000 }, async () => {
  const odd = [
    { id: 'html', description: '<script>alert(1)</script>', from: `solar.${'<b>x</b>'.repeat(200)}`, to: 'calc.<img src=x onerror=alert(1)>' },
    { id: 'rtl', description: '\u202eשלום עולם', from: 'solar.\u202eدرجة/الحرارة', to: 'calc.rtl' },
    { id: 'long', description: 'x'.repeat(10_000), from: ['solar.a', `solar.${'y'.repeat(4_000)}`], to: 'calc.long', transform: `expr('${'z'.repeat(4_000)}')` },
  ];
  const many = Array.from({ length: 5_000 }, (_, nth) => ({ id: `r${nth}`, from: `solar.many/${nth}`, to: `calc.many.${nth}` }));
  await putAll([...odd, ...original.routes, ...many]);
  const { page, context, complaints } = await house.open(PHONE);
  await page.goto(`${house.origin}/#/routes`);
  await page.getByTestId('route-html').waitFor();
  assert.equal(await tooWide(page), 0);
  await page.getByText('5.011 Routen').waitFor();
  await until('only what is seen is in the page', async () => (await page.locator('[data-testid^="route-"]').count()) < 60);
  await picture(page, 'routes-phone-dark-de');
  await noBarriers(page);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await page.getByTestId('route-r4999').waitFor();
  await page.getByRole('searchbox', { name: 'Routen suchen' }).fill('many/4321');
  await page.getByTestId('route-r4321').waitFor();
  await putAll([...odd, ...original.routes]);
  for (const id of ['html', 'rtl', 'long']) {
    await page.goto(`${house.origin}/#/routes?id=${id}`);
    await page.getByRole('heading', { name: id }).waitFor();
    await page.getByTestId('preview').waitFor();
    await page.getByRole('link', { name: 'Alle Routen' }).waitFor();
    assert.equal(await tooWide(page), 0, id);
  }
  await picture(page, 'routes-editor-long-phone-dark-de');
  await page.goto(`${house.origin}/#/routes?id=pv_in_kilowatts`);
  await page.getByTestId('stage-1').locator('.value').waitFor();
  assert.equal(await tooWide(page), 0);
  await picture(page, 'routes-editor-phone-dark-de');
  await noBarriers(page);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('an empty house makes its first route from a datapoint that the person chooses', { timeout: 180_000 }, async () => {
  await putAll([]);
  const { page, context, complaints, visit } = await house.open(DESK);
  await visit('routes');
  await page.getByText('No routes yet').waitFor();
  await picture(page, 'routes-empty-desktop-light');
  await noBarriers(page);
  const field = page.getByRole('combobox', { name: 'From' });
  await field.fill('inverter: pv');
  await page.getByRole('option', { name: /inverter\.pv_power/ }).first().click();
  await page.getByRole('button', { name: 'Make this route' }).click();
  await page.getByTestId('stage-0').locator('.value').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'inverter_pv_power' }).waitFor();
  await until('the computed datapoint has a value', async () => (await house.datapoint('calc.inverter_pv_power'))?.quality === 'good');
  // From the data tree one comes with a source.
  await visit(`routes?from=${encodeURIComponent('plc_001.main.fpvpower')}`);
  await becomes(() => page.getByRole('combobox', { name: 'From' }).inputValue(), 'plc_001.main.fpvpower');
  await page.getByTestId('stage-source').locator('.value').waitFor();
  await visit('routes?id=nothing');
  await page.getByRole('heading', { name: 'There is no such route' }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

// The last test: it breaks the file.
test('over a file that is broken on disk nothing is edited', { timeout: 180_000 }, async () => {
  await putAll();
  const path = join(house.folder, 'config', 'routing.json');
  const good = readFileSync(path, 'utf8');
  const { page, context, visit } = await house.open(DESK);
  await visit('routes');
  await page.getByTestId('route-lights').waitFor();
  writeFileSync(path, good.replace('"routes": [', '"routes": [,'));
  await page.getByText('routing.json is broken on disk').waitFor();
  await page.getByText(/line \d+, column \d+/).first().waitFor();
  await becomes(() => page.getByRole('switch').count(), 0, 'nothing can be switched');
  await becomes(() => page.getByRole('button', { name: 'New route' }).count(), 0);
  await page.getByRole('button', { name: 'Read again' }).click();
  await page.getByText('routing.json is broken on disk').waitFor();
  await picture(page, 'routes-broken-desktop-light');
  await noBarriers(page);
  writeFileSync(path, good);
  await page.getByText('routing.json is broken on disk').waitFor({ state: 'detached' });
  await page.getByRole('switch', { name: 'Route lights enabled' }).waitFor();
  await context.close();
});
