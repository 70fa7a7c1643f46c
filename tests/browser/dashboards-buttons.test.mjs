// The buttons of the dashboards that the ways of dashboards.test.mjs do not come by: each is pressed, and the API tells its effect.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { bound, cellOf, change, drag, grip, page, remove, saved, tile, value, widget, widgetsOf } from './boards.mjs';
import { DESK, PHONE, barriers, becomes, enter, ownHouse, picture, tooWide, until } from './house.mjs';

const DARK = { ...DESK, colorScheme: 'dark' };
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
let house, camera, foreign;

/** Something that gives pictures, streams and a page, and counts how often it is asked for each. */
async function web() {
  const asked = {};
  const server = createServer((request, response) => {
    asked[request.url] = (asked[request.url] ?? 0) + 1;
    if (request.url === '/page') return response.setHeader('content-type', 'text/html').end('<h1>Fahrplan</h1>');
    if (request.url === '/picture') return response.setHeader('content-type', 'image/png').end(PIXEL);
    if (request.url !== '/stream') return response.writeHead(404).end();
    response.setHeader('content-type', 'multipart/x-mixed-replace; boundary=cut');
    const send = () => response.write(Buffer.concat([Buffer.from(`--cut\r\nContent-Type: image/png\r\nContent-Length: ${PIXEL.length}\r\n\r\n`), PIXEL, Buffer.from('\r\n')]));
    send();
    const timer = setInterval(send, 200);
    response.on('close', () => clearInterval(timer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const place = `127.0.0.1:${server.address().port}`;
  return { asked, place, origin: `http://${place}`, close: () => (server.closeAllConnections(), server.close()) };
}

before(async () => {
  [camera, foreign] = await Promise.all([web(), web()]);
  house = ownHouse([{ id: 'own', driver: 'virtual' }]);
  house.put('fieldrail.json', { listen: '127.0.0.1:0', dashboards: { frames: [camera.origin], local_cameras: [camera.place] } });
  house.put('datapoints.json', { datapoints: { 'calc.leak': { name: 'Water', role: 'alarm', alarm: { severity: 'critical' } } } });
  await house.start();
  for (const [tag, value] of Object.entries({ temp: 20.25, power: 230.5, light: false, stop: false, mode: 1 })) {
    await until(`own.${tag} is there`, async () => (await house.write(`own.${tag}`, value)).json?.outcome === 'confirmed');
  }
}, { timeout: 90_000 });
after(() => Promise.all([house?.close(), camera?.close(), foreign?.close()]));

const at = (x, y = 0, w = 2, h = 2) => ({ layout: { wall: { x, y, w, h } } });
const temp = { kind: 'value', bindings: bound({ value: 'own.temp' }) };
const form = (on) => on.getByTestId('properties');
const save = (on) => form(on).getByRole('button', { name: 'Save', exact: true }).click();
/** The settings of a widget whose editor is open. */
async function select(on, id) {
  await grip(on, id).click();
  await form(on).getByRole('textbox', { name: 'Title', exact: true }).waitFor();
}
const unfold = (on, name) => form(on).locator('summary', { hasText: name }).first().click();
async function more(on, name) {
  await on.getByRole('button', { name: 'More', exact: true }).click();
  await on.getByRole('group', { name: 'More' }).getByRole('button', { name }).click();
}

test('a house without dashboards offers the first one; what could not be read can be tried again', { timeout: 60_000 }, async () => {
  const { page: desk, visit } = await house.open(DESK);
  await visit('dashboards');
  const dialog = desk.getByRole('dialog');
  const names = async () => (await house.ask('GET', '/api/dashboards')).items.map(({ name }) => name);
  const begin = () => desk.getByRole('main').getByRole('button', { name: 'New page' }).last().click();
  await desk.getByText('No dashboards yet').waitFor();
  await begin();
  await dialog.getByLabel('Name', { exact: true }).fill('Kitchen');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.deepEqual(await names(), []);
  await begin();
  await dialog.getByLabel('Name', { exact: true }).fill('Kitchen');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await becomes(names, ['Kitchen']);
  await desk.getByTestId('edit-grid').waitFor();
  // From the list of the pages too.
  await more(desk, 'Order the pages');
  await dialog.getByRole('button', { name: 'New page' }).click();
  await dialog.getByLabel('Name', { exact: true }).fill('Hall');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await becomes(names, ['Kitchen', 'Hall']);
  // First the list of the pages, then that of the widgets cannot be had.
  for (const what of ['**/api/dashboards', '**/api/widgets?dashboard=*']) {
    await desk.route(what, (route) => route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"title":"out of order"}' }));
    await visit('home');
    await desk.reload();
    await visit('dashboards');
    await desk.getByText('out of order').first().waitFor();
    await desk.unroute(what);
    await desk.getByRole('main').getByRole('button', { name: 'Try again' }).click();
    await desk.getByText('This page is empty').waitFor();
  }
  await desk.context().close();
});

test('rules, rights, kind, names and units of a widget are what the form says', { timeout: 120_000 }, async () => {
  const id = await page(house, [{ id: 'f1', title: 'heat', ...temp, ...at(0) }]);
  const { page: desk, complaints, visit } = await house.open(DESK);
  await visit(`dashboards?id=${id}&edit=1`);
  await select(desk, 'f1');
  const props = form(desk);
  const rule = (nth) => props.getByRole('group', { name: `Rule ${nth}` });
  await unfold(desk, 'Colours by rule');
  await props.getByRole('button', { name: 'Add a rule' }).click();
  await rule(1).getByLabel('When it is').selectOption({ label: 'at least' });
  await rule(1).getByLabel('Value', { exact: true }).fill('20,5');
  await rule(1).getByLabel('Colour', { exact: true }).selectOption({ label: 'Bad' });
  await rule(1).getByLabel('Word instead of the value').fill('hot');
  await props.getByRole('button', { name: 'Add a rule' }).click();
  await rule(2).getByLabel('When it is').selectOption({ label: 'stale' });
  await rule(2).getByLabel('Colour', { exact: true }).selectOption({ label: 'Own colour' });
  await rule(2).getByLabel('Own colour').fill('#112233');
  await props.getByRole('button', { name: 'Rule 2 earlier' }).click();
  await props.getByRole('button', { name: 'Add a rule' }).click();
  await props.getByRole('button', { name: 'Rule 2 later' }).click();
  await props.getByRole('button', { name: 'Remove rule 2' }).click();
  await save(desk);
  await becomes(async () => (await widget(house, 'f1')).rules, [{ when: 'stale', colour: '#112233' }, { when: '>=', than: 20.5, colour: 'bad', text: 'hot' }]);
  await house.write('own.temp', 21);
  await tile(desk, 'f1').getByText('hot').waitFor();
  await house.write('own.temp', 20.25);

  await unfold(desk, 'Name, unit, digits');
  await props.getByLabel('Name', { exact: true }).fill('Boiler');
  await props.getByLabel('Unit', { exact: true }).fill('K');
  await props.getByLabel('Decimal places').fill('2');
  await save(desk);
  await becomes(async () => (await widget(house, 'f1')).bindings.value, { address: 'own.temp', label: 'Boiler', unit: 'K', decimals: 2 });
  await props.getByRole('button', { name: 'Remove: Value' }).click();
  await props.getByRole('button', { name: 'Discard' }).click();
  await becomes(() => props.getByRole('combobox', { name: 'Value', exact: true }).inputValue(), 'own.temp');
  await props.getByLabel('Kind').selectOption({ label: 'Table' });
  await props.getByRole('button', { name: 'Add: Row' }).click();
  await props.getByRole('combobox', { name: 'Row 2' }).fill('own.power');
  await save(desk);
  await becomes(async () => (({ kind, bindings }) => [kind, Object.values(bindings).map(({ address }) => address)])(await widget(house, 'f1')), ['table', ['own.temp', 'own.power']]);
  await rule(2).getByLabel('Datapoint').selectOption({ label: 'Row 2' });
  await save(desk);
  await becomes(async () => (await widget(house, 'f1')).rules[1].binding, 'value_2');
  await props.getByRole('button', { name: 'Remove: Row 2' }).click();
  await save(desk);
  await becomes(async () => Object.keys((await widget(house, 'f1')).bindings).length, 1);

  await unfold(desk, 'Who may');
  await props.getByLabel('See it').selectOption({ label: 'Operators and administrators' });
  await props.getByLabel('Operate it').selectOption({ label: 'Administrators only' });
  await props.getByRole('switch', { name: 'Ask for the PIN' }).click();
  await props.getByText('There is no PIN yet').waitFor();
  await save(desk);
  await becomes(async () => (({ rights, pin }) => ({ rights, pin }))(await widget(house, 'f1')), { rights: { view: 'operator', operate: 'admin' }, pin: true });
  assert.deepEqual(await barriers(desk), []);
  assert.deepEqual(complaints, []);
  // What was typed is saved by whatever leads away from it.
  const away = await page(house, []);
  const title = () => props.getByRole('textbox', { name: 'Title', exact: true });
  await title().fill('by done');
  await desk.getByRole('button', { name: 'Done' }).click();
  await becomes(async () => (await widget(house, 'f1')).title, 'by done');
  await desk.getByRole('main').getByRole('button', { name: 'Edit' }).click();
  await select(desk, 'f1');
  await title().fill('by going');
  await desk.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: `Page ${away.slice(5)}`, exact: true }).click();
  await becomes(async () => (await widget(house, 'f1')).title, 'by going');
  const { page: looking, context } = await enter(house, DESK, 'viewer');
  const seen = await context.request.get(`${house.origin}/api/widgets?dashboard=${id}`);
  assert.deepEqual((await seen.json()).items, []);
  await looking.goto(`${house.origin}/#/dashboards?id=${id}`);
  await looking.getByText('This page is empty').waitFor();
  await Promise.all([desk.context().close(), context.close()]);
});

test('widgets are cut, copied, pasted, grouped, taken apart and removed by button and by key', { timeout: 120_000 }, async () => {
  const id = await page(house, [{ id: 'c1', title: 'one', ...temp, ...at(0) }, { id: 'c2', title: 'two', ...temp, ...at(2) }]);
  const { page: desk, complaints, visit } = await house.open(DARK);
  await visit(`dashboards?id=${id}&edit=1`);
  const tools = desk.getByRole('toolbar', { name: 'Tools' });
  const press = async (name) => {
    await tools.getByRole('button', { name, exact: true }).click();
    await saved(desk);
  };
  const count = async () => (await widgetsOf(house, id)).length;
  const groups = async () => [(await widget(house, 'c1')).group ?? '', (await widget(house, 'c2')).group ?? ''];
  await grip(desk, 'c1').click();
  await grip(desk, 'c2').click({ modifiers: ['Shift'] });
  await desk.getByText('2 widgets are selected.').waitFor();
  await press('Move together');
  await until('together', async () => (([a, b]) => a !== '' && a === b)(await groups()));
  await press('Move separately');
  await becomes(groups, ['', '']);
  await desk.keyboard.press('Control+g');
  await until('together by key', async () => (([a, b]) => a !== '' && a === b)(await groups()));
  await saved(desk);
  await desk.keyboard.press('Control+Shift+g');
  await becomes(groups, ['', '']);
  await saved(desk);
  await press('Copy');
  await press('Paste');
  await becomes(count, 4);
  await press('Delete');
  await becomes(count, 2);
  await grip(desk, 'c1').click();
  await desk.keyboard.press('Control+d');
  await becomes(count, 3);
  await saved(desk);
  // What is cut goes, and comes where it is pasted: on another page too.
  await grip(desk, 'c2').click();
  await desk.keyboard.press('Control+x');
  await until('cut', async () => !(await widgetsOf(house, id)).some(({ id: one }) => one === 'c2'));
  await saved(desk);
  const other = await page(house, []);
  await visit(`dashboards?id=${other}&edit=1`);
  await desk.getByTestId('edit-grid').waitFor();
  await press('Paste');
  await becomes(async () => (await widgetsOf(house, other)).map(({ title }) => title), ['two']);
  const [pasted] = await widgetsOf(house, other);
  await grip(desk, pasted.id).click();
  await desk.keyboard.press('Escape');
  await desk.getByText('Select a widget to see its settings.').waitFor();
  // A template that is not kept after all.
  await grip(desk, pasted.id).click();
  await tools.getByRole('button', { name: 'Keep as template' }).click();
  await desk.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  const templates = async () => (await house.ask('GET', '/api/widgets/templates')).items.map(({ name }) => name);
  await becomes(templates, []);
  // One that is kept, forgotten, and brought back.
  await tools.getByRole('button', { name: 'Keep as template' }).click();
  await desk.getByRole('dialog').getByLabel('Name').fill('Mine');
  await desk.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await becomes(templates, ['Mine']);
  await desk.getByText('Templates', { exact: true }).click();
  await desk.getByRole('button', { name: 'Remove the template Mine' }).click();
  await becomes(templates, []);
  await desk.getByTestId('notice').filter({ hasText: 'Mine is removed' }).getByRole('button', { name: 'Undo' }).click();
  await becomes(templates, ['Mine']);
  assert.deepEqual(await barriers(desk), []);
  assert.deepEqual(complaints, []);
  await desk.context().close();
});

test('a datapoint that is dropped on a widget is bound to it, and one that does not fit is refused', { timeout: 60_000 }, async () => {
  const id = await page(house, [{ id: 'd1', kind: 'value', title: 'bare', ...at(0, 0, 3) }, { id: 'd2', kind: 'clock', ...at(4) }]);
  const { page: desk, visit } = await house.open(DESK);
  await visit(`dashboards?id=${id}&edit=1`);
  await grip(desk, 'd1').waitFor();
  await desk.getByRole('searchbox', { name: 'Search datapoints' }).fill('power');
  const point = desk.getByTestId('node-own.power');
  await point.waitFor();
  await drag(desk, point, desk.getByTestId('place-d1'));
  await becomes(async () => (await widget(house, 'd1')).bindings?.value?.address, 'own.power');
  assert.equal((await widgetsOf(house, id)).length, 2, 'nothing was made beside it');
  // Beside it comes a widget of its own, with the other kinds that suit it.
  await drag(desk, point, desk.getByTestId('edit-grid'), { x: 0.6, y: 0.6 });
  const made = await until('a widget', async () => (await widgetsOf(house, id)).find(({ id: one }) => !['d1', 'd2'].includes(one)));
  await form(desk).getByRole('group', { name: 'Fits too' }).getByRole('button', { name: 'Gauge' }).click();
  await save(desk);
  await becomes(async () => (({ kind, bindings }) => [kind, bindings?.value?.address])(await widget(house, made.id)), ['gauge', 'own.power']);
  await drag(desk, point, desk.getByTestId('place-d2'));
  await desk.getByTestId('notice').filter({ hasText: 'has no free place' }).waitFor();
  assert.equal((await widget(house, 'd2')).bindings, undefined);
  // A kind is dragged to its place too.
  await saved(desk);
  await desk.getByText('Widgets', { exact: true }).click();
  await drag(desk, desk.getByRole('button', { name: 'Weather', exact: true }), desk.getByTestId('edit-grid'), { x: 0.55, y: 0.9 });
  const weather = await until('the weather', async () => (await widgetsOf(house, id)).find(({ kind }) => kind === 'weather'));
  assert.ok(weather.layout.wall.x >= 5 && weather.layout.wall.y >= 4, JSON.stringify(weather.layout));
  // What the daemon refuses is told, and the words can be put away.
  await saved(desk);
  await desk.route('**/api/widgets/batch', (route) => route.fulfill({ status: 507, contentType: 'application/problem+json', body: '{"title":"the disk is full","hint":"make room"}' }));
  await grip(desk, 'd2').click();
  await desk.keyboard.press('Delete');
  await desk.getByText('make room').waitFor();
  await desk.unroute('**/api/widgets/batch');
  await desk.getByRole('button', { name: 'Dismiss' }).first().click();
  await desk.getByText('make room').waitFor({ state: 'detached' });
  assert.equal((await widget(house, 'd2')).kind, 'clock');
  await desk.context().close();
});

test('what others move, remove and rename meanwhile is not written over, and is told', { timeout: 120_000 }, async () => {
  const id = await page(house, [
    { id: 'l1', title: 'held', ...temp, ...at(0) }, { id: 'l2', title: 'free', ...temp, ...at(4) }, { id: 'l3', title: 'going', ...temp, ...at(8) },
  ]);
  const { page: desk, visit } = await house.open(DESK);
  await visit(`dashboards?id=${id}&edit=1`);
  await grip(desk, 'l1').waitFor();
  const race = desk.getByTestId('race');
  const place = (one) => desk.getByTestId(`place-${one}`).getAttribute('data-cell');
  /** Moves it down by so many rows, and does something while it is held. */
  const hold = async (one, rows, meanwhile) => {
    const box = await grip(desk, one).boundingBox();
    await desk.mouse.move(box.x + 30, box.y + 40);
    await desk.mouse.down();
    await desk.mouse.move(box.x + 30, box.y + 40 + rows * 72, { steps: 4 });
    await meanwhile();
    await desk.mouse.up();
    await saved(desk);
  };
  // Another one that was moved meanwhile stays where it was put.
  await hold('l1', 3, async () => {
    await change(house, 'l2', at(6));
    await becomes(() => place('l2'), '6,0,2,2');
  });
  await becomes(() => cellOf(house, 'l1'), '0,3,2,2');
  assert.equal(await cellOf(house, 'l2'), '6,0,2,2');
  // Somebody else's hand on the same one: first theirs stays, then mine.
  const theirs = async (y) => {
    await change(house, 'l1', at(2, y));
    await becomes(() => place('l2'), '6,0,2,2');
  };
  await hold('l1', 1, () => theirs(0));
  await race.getByText('Somebody else moved this meanwhile: held').waitFor();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'dashboards-race-desktop-light');
  await race.getByRole('button', { name: 'Take theirs' }).click();
  await race.waitFor({ state: 'detached' });
  await becomes(() => place('l1'), '2,0,2,2');
  assert.equal(await cellOf(house, 'l1'), '2,0,2,2');
  await hold('l1', 2, () => theirs(6));
  await race.getByRole('button', { name: 'Keep mine' }).click();
  await becomes(() => cellOf(house, 'l1'), '2,2,2,2');
  await race.waitFor({ state: 'detached' });
  await saved(desk);
  // Somebody puts another one where this is to stand: it makes room, and both are saved where they are shown.
  await hold('l1', 3, async () => {
    await change(house, 'l2', at(2, 5));
    await becomes(() => place('l2'), '2,7,2,2');
  });
  await becomes(() => cellOf(house, 'l1'), '2,5,2,2');
  await becomes(() => cellOf(house, 'l2'), '2,7,2,2');
  // One that is removed while it is held.
  await hold('l3', 2, async () => {
    await remove(house, 'l3');
    await desk.getByTestId('place-l3').waitFor({ state: 'detached' });
  });
  await desk.getByTestId('notice').filter({ hasText: 'Somebody removed this meanwhile: going' }).waitFor();

  // A title that is being typed, and theirs; then one whose widget goes.
  const typing = async (text) => {
    await grip(desk, 'l1').focus();
    await desk.keyboard.press('F2');
    await desk.getByTestId('place-l1').getByRole('textbox').fill(text);
  };
  await typing('mine');
  await change(house, 'l1', { title: 'theirs' });
  await until('the page knows', async () => (await grip(desk, 'l1').getAttribute('aria-label')).startsWith('theirs'));
  await desk.keyboard.press('Enter');
  await race.getByText('"mine"').waitFor();
  await race.getByRole('button', { name: 'Take theirs' }).click();
  await race.waitFor({ state: 'detached' });
  assert.equal((await widget(house, 'l1')).title, 'theirs');
  await typing('not lost');
  await remove(house, 'l1');
  await race.getByText('It was removed meanwhile').waitFor();
  await race.getByText('"not lost"').waitFor();
  await race.getByRole('button', { name: 'Leave it removed' }).click();
  await race.waitFor({ state: 'detached' });
  assert.deepEqual((await widgetsOf(house, id)).map(({ id: one }) => one), ['l2']);
  await desk.context().close();
});

test('the settings of a page: its sign, columns and rights, and two who change them at once', { timeout: 120_000 }, async () => {
  const id = await page(house, [{ id: 's1', title: 'secret', ...temp, ...at(0) }]);
  const { name } = await house.ask('GET', `/api/dashboards/${id}`);
  const { page: desk, visit } = await house.open(DESK);
  await visit(`dashboards?id=${id}`);
  const dialog = desk.getByRole('dialog');
  const now = () => house.ask('GET', `/api/dashboards/${id}`);
  const theirs = async (to) => {
    const { etag, widgets: _, ...body } = await now();
    assert.equal((await house.call('PUT', `/api/dashboards/${id}`, { ...body, ...to }, { 'if-match': `"${etag}"` })).status, 200);
  };
  const begin = () => dialog.getByRole('button', { name: /^Change / }).and(desk.locator(`[data-page-row="${id}"] button`)).click();
  const store = () => dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await more(desk, 'Order the pages');
  await begin();
  await dialog.getByLabel('Sign').fill('🔥');
  await dialog.getByRole('spinbutton', { name: 'Wall' }).fill('10');
  await dialog.getByLabel('See it').selectOption({ label: 'Operators and administrators' });
  await dialog.getByLabel('Operate it').selectOption({ label: 'Administrators only' });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await now()).icon, undefined, 'what is given up changes nothing');
  await begin();
  await dialog.getByLabel('Sign').fill('🔥');
  await dialog.getByRole('spinbutton', { name: 'Wall' }).fill('10');
  await dialog.getByLabel('See it').selectOption({ label: 'Operators and administrators' });
  await dialog.getByLabel('Operate it').selectOption({ label: 'Administrators only' });
  await store();
  await becomes(async () => (({ icon, grids, rights }) => ({ icon, columns: grids?.wall?.columns, rights }))(await now()), { icon: '🔥', columns: 10, rights: { view: 'operator', operate: 'admin' } });

  const race = dialog.getByTestId('race');
  await begin();
  await dialog.getByLabel('Floor or part of the house').fill('Attic');
  await theirs({ icon: '❄' });
  await store();
  await race.getByText('This page was changed while you were at it.').waitFor();
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'dashboards-page-race-desktop-light');
  await race.getByRole('button', { name: 'Take both changes' }).click();
  await becomes(async () => (({ icon, group }) => ({ icon, group }))(await now()), { icon: '❄', group: 'Attic' });
  for (const [button, want] of [['Keep mine', 'mine'], ['Take theirs', 'theirs']]) {
    await begin();
    await dialog.getByLabel('Name', { exact: true }).fill('mine');
    await theirs({ name: 'theirs' });
    await store();
    await race.getByRole('button', { name: button }).click();
    await race.waitFor({ state: 'detached' });
    await becomes(async () => (await now()).name, want);
  }
  await theirs({ name });
  const { context } = await enter(house, DESK, 'viewer');
  assert.equal((await context.request.get(`${house.origin}/api/dashboards/${id}`)).status(), 404);
  const looking = context.pages()[0];
  await looking.goto(`${house.origin}/#/dashboards?id=${id}`);
  await looking.getByText('There is no such page').waitFor();
  await looking.getByRole('button', { name: 'To the first page' }).click();
  await until('another page', () => !looking.url().includes(id));
  await Promise.all([desk.context().close(), context.close()]);
});

test('cameras, an embedded page, alarms, a list, a stop and what is told of a refusal', { timeout: 120_000 }, async () => {
  const id = await page(house, [
    { id: 'snap', kind: 'camera', title: 'Door', options: { url: `${camera.origin}/picture`, every_s: 1 }, ...at(0) },
    { id: 'flow', kind: 'camera', title: 'Yard', options: { url: `${camera.origin}/stream`, mode: 'stream' }, ...at(2) },
    { id: 'dead', kind: 'camera', title: 'Gate', options: { url: `${camera.origin}/nothing` }, ...at(4) },
    { id: 'evil', kind: 'camera', title: 'Loop', options: { url: `${foreign.origin}/picture` }, ...at(6) },
    { id: 'in', kind: 'frame', title: 'Timetable', ...at(0, 2, 4) },
    { id: 'out', kind: 'frame', title: 'Elsewhere', options: { url: `${foreign.origin}/page` }, ...at(4, 2, 4) },
    { id: 'bell', kind: 'alarms', ...at(8, 0, 4, 3) },
    { id: 'pick', kind: 'select', title: 'Mode', bindings: bound({ command: 'own.mode' }), options: { look: 'list', choices: [{ value: '1', word: 'Auto' }, { value: '2', word: 'Eco' }] }, ...at(0, 4, 3) },
    { id: 'roll', kind: 'shutter', title: 'Roller', bindings: bound({ up: 'own.light', stop: 'own.stop', down: 'own.light' }), ...at(3, 4, 3) },
    { id: 'line', kind: 'chart', title: 'Curve', bindings: bound({ value_1: 'own.temp' }), ...at(8, 4, 4, 3) },
    { id: 'lock', kind: 'button', title: 'Safe', pin: true, bindings: bound({ command: 'own.mode' }), options: { value: '2' }, ...at(6, 4) },
  ]);
  await house.write('calc.leak', true);
  const { page: desk, complaints, visit } = await house.open(DESK);
  await visit(`dashboards?id=${id}&edit=1`);
  // The address of the page comes by the form, as an administrator gives it.
  await select(desk, 'in');
  await form(desk).getByLabel('Address', { exact: true }).fill(`${camera.origin}/page`);
  await save(desk);
  await becomes(async () => (await widget(house, 'in')).options?.url, `${camera.origin}/page`);
  await desk.getByRole('button', { name: 'Done' }).click();
  const shows = (one) => tile(desk, one).locator('img').evaluate((img) => img.naturalWidth > 0).catch(() => false);
  await until('the picture', () => shows('snap'));
  const pictures = camera.asked['/picture'];
  await until('another picture', () => camera.asked['/picture'] > pictures);
  await until('the stream', () => shows('flow'));
  await tile(desk, 'dead').getByText('the camera does not answer').waitFor();
  await tile(desk, 'evil').getByText('the camera does not answer').waitFor();
  assert.equal(foreign.asked['/picture'], undefined, 'nothing on this machine is asked that is not named');
  await desk.frameLocator('[data-testid=widget-in] iframe').getByText('Fahrplan').waitFor();
  const [inner, outer] = [await tile(desk, 'in').locator('iframe').boundingBox(), await tile(desk, 'in').boundingBox()];
  assert.ok(inner.y + inner.height <= outer.y + outer.height, 'it stays within its tile');
  await tile(desk, 'out').getByText(`${foreign.origin} is not allowed`).waitFor();
  assert.equal(foreign.asked['/page'], undefined);

  await tile(desk, 'bell').getByRole('button', { name: 'Acknowledge Water' }).click();
  await becomes(async () => (await house.ask('GET', '/api/alarms')).unacknowledged_count, 0);
  const curve = tile(desk, 'line').getByRole('slider');
  await house.write('own.temp', 20.5);
  await curve.focus();
  await until('the curve is read by key', async () => {
    await desk.keyboard.press('End');
    return /20[.]5/.test(await curve.getAttribute('aria-valuetext'));
  });
  await tile(desk, 'pick').getByRole('combobox', { name: 'Mode' }).selectOption({ label: 'Eco' });
  await becomes(() => value(house, 'own.mode'), 2);
  await tile(desk, 'roll').getByRole('button', { name: 'Roller Stop' }).click();
  await becomes(() => value(house, 'own.stop'), true);
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'dashboards-camera-desktop-light');

  // The PIN is set and removed; without one nobody operates what asks for it, and the refusal can be put away.
  const dialog = desk.getByRole('dialog');
  const pinIsSet = async () => (await house.ask('GET', '/api/widgets/state')).pin_is_set;
  await more(desk, 'PIN of the house');
  await dialog.getByLabel('PIN', { exact: true }).fill('4711');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await pinIsSet(), false);
  await more(desk, 'PIN of the house');
  await dialog.getByLabel('PIN', { exact: true }).fill('4711');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await until('there is one', pinIsSet);
  await more(desk, 'PIN of the house');
  await dialog.getByRole('button', { name: 'Remove the PIN' }).click();
  await becomes(pinIsSet, false);
  const act = tile(desk, 'lock').getByTestId('act');
  await tile(desk, 'lock').getByRole('button').first().click();
  await dialog.getByLabel('PIN', { exact: true }).fill('4711');
  await dialog.getByRole('button', { name: 'Send' }).click();
  await becomes(() => act.getAttribute('data-phase'), 'failed');
  await act.getByRole('button', { name: 'Dismiss' }).click();
  await becomes(() => act.getAttribute('data-phase'), 'idle');
  assert.deepEqual(complaints.filter((line) => !/40[349]|422|50[24]|frame-src|Content Security Policy/.test(line)), []);
  await house.write('calc.leak', false);
  await desk.context().close();
});

test('the history goes back further, a restore and an import are undone, and what is begun can be given up', { timeout: 120_000 }, async () => {
  const id = await page(house, [{ id: 'h1', title: '0', ...temp, ...at(0) }]);
  const before = (await house.ask('GET', '/api/widgets/state')).change;
  for (let n = 1; n <= 55; n += 1) await change(house, 'h1', { title: String(n) });
  const { page: desk, complaints, visit } = await house.open(DESK);
  await visit(`dashboards?id=${id}`);
  const dialog = desk.getByRole('dialog');
  await more(desk, 'History');
  await dialog.getByRole('button', { name: 'Show more' }).click();
  await dialog.getByRole('button', { name: `Back to this: change ${before}`, exact: true }).click();
  await becomes(async () => (await widget(house, 'h1')).title, '0');
  await dialog.getByRole('button', { name: 'Close' }).click();
  await desk.getByTestId('notice').getByRole('button', { name: 'Undo' }).click();
  await becomes(async () => (await widget(house, 'h1')).title, '55');

  const whole = await house.ask('GET', '/api/widgets/export');
  const file = (text) => ({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  const less = JSON.stringify({ ...whole, widgets: whole.widgets.filter(({ dashboard }) => dashboard !== id) });
  await more(desk, 'Export and import');
  await dialog.getByLabel('File').setInputFiles(file(less));
  await dialog.getByText('Instead of what is there').click();
  await dialog.getByTestId('import-report').getByText('1 removed').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await widgetsOf(house, id)).length, 1);
  await more(desk, 'Export and import');
  await dialog.getByLabel('File').setInputFiles(file(less));
  await dialog.getByText('Instead of what is there').click();
  await dialog.getByTestId('import-report').getByText('1 removed').waitFor();
  await dialog.getByRole('button', { name: 'Import', exact: true }).click();
  await becomes(async () => (await widgetsOf(house, id)).length, 0);
  await desk.getByTestId('notice').filter({ hasText: 'Imported' }).getByRole('button', { name: 'Undo' }).click();
  await becomes(async () => (await widgetsOf(house, id)).length, 1);
  // A page without anything offers what to do next.
  await remove(house, 'h1');
  await desk.getByText('Drag datapoints from the tree onto it.').waitFor();
  await desk.getByRole('main').getByRole('button', { name: 'Edit' }).last().click();
  await desk.getByTestId('edit-grid').waitFor();
  assert.deepEqual(complaints, []);
  await desk.context().close();
});

test('on the phone the settings of a widget open by their button, and a lost race opens them by itself', { timeout: 60_000 }, async () => {
  const id = await page(house, [{ id: 'p1', title: 'here', ...temp, ...at(0) }], { grids: { phone: { columns: 4, own: true } } });
  const { page: phone, visit } = await house.open({ ...PHONE, hasTouch: true });
  await visit(`dashboards?id=${id}&edit=1`);
  await phone.getByRole('button', { name: 'Weitere Werkzeuge' }).click();
  await phone.getByText('Handy', { exact: true }).click();
  await phone.keyboard.press('Escape');
  await grip(phone, 'p1').tap();
  await phone.getByRole('button', { name: 'Einstellungen', exact: true }).last().click();
  await phone.getByRole('dialog').getByRole('textbox', { name: 'Titel' }).fill('mine');
  await change(house, 'p1', { title: 'theirs' });
  await phone.getByRole('dialog').getByRole('button', { name: 'Speichern' }).click();
  const race = phone.getByTestId('race');
  await race.getByText('Jemand war schneller').waitFor();
  assert.equal(await tooWide(phone), 0);
  assert.deepEqual(await barriers(phone), []);
  await picture(phone, 'dashboards-race-phone-dark-de');
  await race.getByRole('button', { name: 'Meine behalten' }).click();
  await becomes(async () => (await widget(house, 'p1')).title, 'mine');
  await phone.context().close();
});
