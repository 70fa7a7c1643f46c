// The dashboards: made on the desk, used on the phone; what is shown is what is, also when the device is away.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bound, cellOf, drag, grip, page, saved, tile, value, widget, widgetsOf } from './boards.mjs';
import { DESK, PHONE, barriers, demoHouse, enter, ownHouse, picture, pictures, tooWide, until } from './house.mjs';

const GERMAN_DESK = { ...DESK, locale: 'de-DE', colorScheme: 'dark' };
let house, demo;

before(async () => {
  house = ownHouse([{ id: 'own', driver: 'virtual' }]);
  [demo] = await Promise.all([demoHouse(), house.start()]);
  await until('the PLC runs', async () => (await demo.ask('GET', '/api/admin/instances')).items.find(({ id }) => id === 'plc_001')?.state === 'running');
  for (const [tag, value] of Object.entries({ power: 230.5, light: false, level: 40, mode: 1, name: 'eco', up: false, down: false, position: 30, set: 21.5, temp: 20.25, a: false, b: true })) {
    await until(`own.${tag} is there`, async () => (await house.write(`own.${tag}`, value)).json?.outcome === 'confirmed');
  }
}, { timeout: 90_000 });
after(() => Promise.all([house?.close(), demo?.close()]));

/** The port at which the simulated PLC of this process listens, as the kernel has it. */
function portOf(pid) {
  const sockets = readdirSync(`/proc/${pid}/fd`).map((fd) => /socket:\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]);
  const LISTENS = '0A';
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').trim().split('\n').slice(1).map((line) => line.trim().split(/\s+/));
  const found = lines.find((line) => line[3] === LISTENS && sockets.includes(line[9]));
  return found && Number.parseInt(found[1].split(':')[1], 16);
}

/** A cable to a port that can be cut: then bytes go nowhere, and nobody is told. */
async function cable(port) {
  const ends = new Set();
  let isCut = false;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]]) {
      ends.add(from);
      from.on('data', (bytes) => isCut || to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => to.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    cut: () => (isCut = true),
    /** Joined again; what hung on it begins anew. */
    join() {
      isCut = false;
      for (const end of ends) end.destroy();
    },
    close: () => (server.close(), ends.forEach((end) => end.destroy())),
  };
}

test('a symbol of the PLC becomes a pulsing switch with feedback, is pressed on the phone, and says so when the PLC is away', { timeout: 120_000 }, async () => {
  // The same PLC once more, on a cable that can be cut.
  const { pid } = (await demo.ask('GET', '/api/admin/instances')).items.find(({ id }) => id === 'plc_001');
  const wire = await cable(await until('the PLC listens', () => portOf(pid)));
  const config = { ams_net_id: '192.168.2.162.1.1', ams_port: 801, host: '127.0.0.1', tcp_port: wire.port };
  assert.equal((await demo.call('POST', '/api/connections', { id: 'cellar', name: 'Cellar', driver: 'ads', config })).status, 201);
  await until('it is connected', async () => (await demo.ask('GET', '/api/admin/instances')).items.find(({ id }) => id === 'cellar')?.state === 'running');

  const { page: desk, complaints, visit } = await demo.open(DESK);
  await visit('dashboards');
  await desk.getByRole('button', { name: 'More' }).click();
  await desk.getByRole('button', { name: 'New page' }).last().click();
  await desk.getByLabel('Name', { exact: true }).fill('Ground floor');
  await desk.getByRole('button', { name: 'Save', exact: true }).click();
  const grid = desk.getByTestId('edit-grid');
  await grid.waitFor();
  const search = desk.getByRole('searchbox', { name: 'Search datapoints' });
  await search.fill('VbAusgang12');
  const symbol = desk.getByTestId('node-cellar.main.vbausgang12').or(desk.getByTestId('node-cellar.MAIN.VbAusgang12'));
  await symbol.waitFor({ timeout: 20_000 });
  await drag(desk, symbol, grid, { x: 0.3, y: 0.1 });
  // What can be switched becomes a switch by itself.
  const id = (await until('the widget is made', async () => (await demo.ask('GET', '/api/widgets?limit=500')).items.find(({ bindings }) => /^cellar\..*vbausgang12$/i.test(bindings?.command?.address ?? '')))).id;
  assert.deepEqual([(await widget(demo, id)).kind, (await widget(demo, id)).title], ['switch', 'Taster Licht 12']);
  const settings = desk.getByTestId('properties');
  await settings.getByRole('checkbox', { name: 'As a pulse that ends by itself' }).check();
  await settings.getByRole('spinbutton', { name: 'Length of the pulse in ms' }).fill('300');
  await settings.getByRole('spinbutton', { name: 'Length of the pulse in ms' }).blur();
  await search.fill('RM_Light_12');
  const lamp = desk.getByTestId('node-cellar.light.rm_light_12').or(desk.getByTestId('node-cellar.Light.RM_Light_12'));
  await lamp.waitFor({ timeout: 20_000 });
  await desk.getByTestId('slot-feedback').scrollIntoViewIfNeeded();
  await drag(desk, lamp, desk.getByTestId('slot-feedback'));
  await until('the slot has it', async () => /rm_light_12/i.test(await settings.getByRole('combobox', { name: 'Feedback' }).inputValue()));
  await settings.getByRole('button', { name: 'Save' }).click();
  await until('it is saved', async () => /rm_light_12/i.test((await widget(demo, id)).bindings.feedback?.address ?? ''));
  assert.equal((await widget(demo, id)).bindings.command.pulse_ms, 300);
  await picture(desk, 'dashboards-editor-desktop-light');
  assert.deepEqual(await barriers(desk), []);
  await desk.getByRole('button', { name: 'Done' }).click();
  const shownHere = tile(desk, id).getByRole('switch');
  await shownHere.waitFor();

  const { page: phone, complaints: others } = await enter(demo, PHONE, 'operator');
  await phone.goto(`${demo.origin}/#/dashboards`);
  await phone.getByRole('link', { name: 'Ground floor' }).or(tile(phone, id)).first().click();
  const press = tile(phone, id).getByRole('switch');
  const lit = () => press.getAttribute('aria-checked');
  await until('the state is known', async () => (await lit()) !== 'mixed' && (await tile(phone, id).getAttribute('data-truth')) === 'good');
  const before = await lit();
  await press.click();
  await until('the lamp has changed', async () => (await lit()) !== before);
  await until('it is told', async () => (await tile(phone, id).getByTestId('act').getAttribute('data-phase')) === 'confirmed');
  assert.equal(String(await value(demo, 'cellar.Light.RM_Light_12')), await lit());
  await until('the desk sees it too', async () => (await shownHere.getAttribute('aria-checked')) === (await lit()));
  await until('the bit is back', async () => (await value(demo, 'cellar.MAIN.VbAusgang12')) === false);
  assert.equal(await tooWide(phone), 0);
  await picture(phone, 'dashboards-phone-dark-de');

  // The cable is cut inside of a pulse, and nobody tells the house.
  const { etag, may_operate: _, ...body } = await widget(demo, id);
  const { command, feedback } = body.bindings;
  const long = { ...body, bindings: { feedback, command: { ...command, pulse_ms: 5_000 } } };
  assert.equal((await demo.call('PUT', `/api/widgets/${id}`, long, { 'if-match': `"${etag}"` })).status, 200);
  const inPlc = async () => (await demo.ask('GET', '/api/datapoint?read=true&address=plc_001.MAIN.VbAusgang12')).value;
  const phase = () => tile(phone, id).getByTestId('act').getAttribute('data-phase');
  await until('the last one is told no more', async () => (await phase()) === 'idle');
  const begun = await lit();
  await press.click();
  await until('the bit is set', inPlc);
  await until('the lamp has changed again', async () => (await lit()) !== begun);
  wire.cut();
  try {
    const was = await lit();
    // Somebody else's write is with the PLC and gets no answer; what is pressed now waits behind it, and never leaves.
    const other = await demo.call('POST', '/api/datapoint/write', { address: 'cellar.MAIN.VbAusgang11', value: false, wait_ms: 300 });
    assert.equal(other.json.outcome, 'pending', JSON.stringify(other.json));
    await press.click();
    await until('it is under way', async () => (await phase()) === 'pending');
    assert.equal(await lit(), was, 'what was asked for is not shown as if it were so');
    let told;
    await until('its end is told', async () => !['pending', 'idle'].includes((told = await phase())));
    assert.equal(told, 'expired', await tile(phone, id).getByTestId('act').textContent());
    await tile(phone, id).getByTestId('act').getByText('Abgelaufen').waitFor();
    assert.equal(await lit(), was);
    await picture(phone, 'dashboards-expired-phone-dark-de');
    assert.equal(await inPlc(), true, 'nobody could end the pulse');
    await until('the house knows that the PLC is away', async () => (await demo.ask('GET', '/api/admin/instances')).items.find(({ id: name }) => name === 'cellar').state !== 'running');
    // What is asked for now is refused at once.
    await press.click();
    await until('it is refused', async () => (await phase()) === 'failed');
    assert.equal(await lit(), was);
    await tile(phone, id).getByRole('button', { name: 'Ausblenden' }).click();
    await until('it is told no more', async () => (await phase()) === 'idle');
  } finally {
    wire.join();
  }
  await until('the bit is FALSE in the PLC itself', async () => (await inPlc()) === false);
  wire.close();
  // Who asks for a PLC that is away is told so.
  assert.deepEqual([...complaints, ...others].filter((line) => !line.includes('503')), []);
  await Promise.all([desk.context().close(), phone.context().close()]);
});

test('each widget that operates writes what it says, and shows what the device says', { timeout: 120_000 }, async () => {
  const id = await page(house, [
    { id: 'sw', kind: 'switch', title: 'Licht', bindings: bound({ command: 'own.light' }) },
    { id: 'bt', kind: 'button', title: 'Gong', bindings: bound({ command: 'own.name' }), options: { value: 'ding' } },
    { id: 'sl', kind: 'slider', title: 'Pegel', bindings: bound({ command: 'own.level' }) },
    { id: 'dm', kind: 'dimmer', title: 'Stehlampe', bindings: bound({ level: 'own.level', command: 'own.light' }) },
    { id: 'sh', kind: 'shutter', title: 'Küche', bindings: bound({ up: { address: 'own.up', pulse_ms: 2_000 }, down: 'own.down', position: 'own.position', target: 'own.position' }) },
    { id: 'th', kind: 'thermostat', title: 'Bad', bindings: bound({ value: 'own.temp', command: 'own.set' }) },
    { id: 'lg', kind: 'lamps', title: 'Wohnzimmer', bindings: bound({ lamp_1: { address: 'own.a', label: 'Decke' }, lamp_2: { address: 'own.b', label: 'Wand' } }) },
    { id: 'in', kind: 'input', title: 'Zahl', bindings: bound({ command: 'own.power' }), options: { high: 500 } },
    { id: 'se', kind: 'select', title: 'Betriebsart', bindings: bound({ command: 'own.mode' }), options: { choices: [{ value: '1', word: 'Auto' }, { value: '2', word: 'Eco' }] } },
    { id: 'ask', kind: 'button', title: 'Tor', bindings: bound({ command: 'own.down' }), options: { value: 'false', asks: true } },
  ]);
  const { page: phone, complaints } = await enter(house, PHONE, 'operator');
  await phone.goto(`${house.origin}/#/dashboards?id=${id}`);
  const becomes = (address, want) => until(`${address} is ${want}, not ${JSON.stringify(await_(address))}`, async () => (last.set(address, await value(house, address)), last.get(address) === want));
  const last = new Map();
  const await_ = (address) => last.get(address);
  const quiet = (name) => until(`${name} is done`, async () => ['confirmed', 'idle'].includes(await tile(phone, name).getByTestId('act').getAttribute('data-phase')));
  await tile(phone, 'sw').getByRole('switch').click();
  await becomes('own.light', true);
  await until('the switch shows it', async () => (await tile(phone, 'sw').getByRole('switch').getAttribute('aria-checked')) === 'true');
  await tile(phone, 'bt').getByRole('button').first().click();
  await becomes('own.name', 'ding');
  await tile(phone, 'sl').getByRole('slider', { name: 'Pegel' }).focus();
  await phone.keyboard.press('End');
  await becomes('own.level', 100);
  await tile(phone, 'dm').getByRole('switch', { name: 'Stehlampe' }).click();
  await becomes('own.light', false);
  await quiet('dm');
  await tile(phone, 'dm').getByRole('slider').focus();
  await phone.keyboard.press('Home');
  await becomes('own.level', 0);
  await tile(phone, 'sh').getByRole('button', { name: 'Küche Auf' }).click();
  await becomes('own.up', true);
  await becomes('own.up', false);
  await tile(phone, 'sh').getByRole('button', { name: 'Küche Ab' }).click();
  await becomes('own.down', true);
  await quiet('sh');
  await tile(phone, 'sh').getByRole('slider').focus();
  await phone.keyboard.press('End');
  await becomes('own.position', 100);
  await tile(phone, 'th').getByRole('button', { name: 'Bad höher' }).click();
  await becomes('own.set', 22);
  await quiet('th');
  await tile(phone, 'th').getByRole('button', { name: 'Bad niedriger' }).click();
  await becomes('own.set', 21.5);
  await tile(phone, 'lg').getByRole('switch', { name: 'Decke' }).click();
  await becomes('own.a', true);
  await quiet('lg');
  await tile(phone, 'lg').getByRole('button', { name: '2 von 2 ausschalten' }).click();
  await becomes('own.a', false);
  await becomes('own.b', false);
  const typed = tile(phone, 'in').getByRole('textbox', { name: 'Zahl' });
  await typed.fill('501');
  await tile(phone, 'in').getByRole('button', { name: 'Senden' }).click();
  await tile(phone, 'in').getByText('Höchstens 500.').waitFor();
  assert.equal(await value(house, 'own.power'), 230.5);
  await typed.fill('12,5');
  await phone.keyboard.press('Enter');
  await becomes('own.power', 12.5);
  await tile(phone, 'se').getByRole('button', { name: 'Eco' }).click();
  await becomes('own.mode', 2);
  await until('it is shown', async () => (await tile(phone, 'se').getByRole('button', { name: 'Eco' }).getAttribute('aria-pressed')) === 'true');
  // What asks first does nothing until somebody means it.
  await tile(phone, 'ask').getByRole('button').first().click();
  await phone.getByRole('dialog').getByRole('button', { name: 'Abbrechen' }).click();
  assert.equal(await value(house, 'own.down'), true);
  await tile(phone, 'ask').getByRole('button').first().click();
  await phone.getByRole('dialog').getByRole('button', { name: 'Senden' }).click();
  await becomes('own.down', false);
  assert.equal(await tooWide(phone), 0);
  assert.deepEqual(await barriers(phone), []);
  await picture(phone, 'dashboards-operate-phone-dark-de');
  assert.deepEqual(complaints, []);

  // A viewer sees all of it, and can operate none of it.
  const { page: looking } = await enter(house, DESK, 'viewer');
  await looking.goto(`${house.origin}/#/dashboards?id=${id}`);
  await tile(looking, 'sw').getByRole('switch').waitFor();
  for (const name of ['sw', 'dm', 'lg']) assert.equal(await tile(looking, name).getByRole('switch').first().isDisabled(), true, name);
  assert.equal(await looking.getByRole('button', { name: 'Edit' }).count(), 0);
  await Promise.all([phone.context().close(), looking.context().close()]);
});

test('what cannot be believed looks so, and what is gone names what is near', { timeout: 60_000 }, async () => {
  const id = await page(house, [
    { id: 'ok', kind: 'value', title: 'good', bindings: bound({ value: { address: 'own.temp', unit: '°C', decimals: 1 } }), rules: [{ when: '>', than: 20, colour: 'bad' }] },
    { id: 'lost', kind: 'value', title: 'gone', bindings: bound({ value: 'own.powr' }) },
    { id: 'bare', kind: 'value', title: 'unbound' },
    { id: 'odd', kind: 'from_tomorrow', title: '<img src=x onerror=alert(1)>', bindings: bound({ value: 'own.temp' }) },
  ]);
  const { page: desk, visit } = await house.open(DESK);
  await visit(`dashboards?id=${id}`);
  await until('the good one', async () => (await tile(desk, 'ok').getAttribute('data-truth')) === 'good');
  await until('its digits', async () => (await tile(desk, 'ok').getByTestId('reading').textContent()) === '20.3°C');
  await until('the gone one', async () => (await tile(desk, 'lost').getAttribute('data-truth')) === 'gone');
  await tile(desk, 'lost').getByText('did you mean own.power').waitFor();
  assert.equal(await tile(desk, 'bare').getAttribute('data-truth'), 'unbound');
  await tile(desk, 'odd').getByText('does not know the kind').waitFor();
  // The near name is one press away for who edits.
  await desk.getByRole('button', { name: 'Edit' }).click();
  await grip(desk, 'lost').click();
  await desk.getByRole('button', { name: 'Take own.power' }).click();
  await desk.getByTestId('properties').getByRole('button', { name: 'Save' }).click();
  await until('it is bound anew', async () => (await widget(house, 'lost')).bindings.value.address === 'own.power');
  await until('and known', async () => (await tile(desk, 'lost').getAttribute('data-truth')) === 'good');
  assert.equal((await widget(house, 'odd')).kind, 'from_tomorrow');

  // Without the daemon nothing that is shown is known; with it all is again.
  await house.stop('SIGKILL');
  await until('nothing is known', async () => (await tile(desk, 'ok').getAttribute('data-truth')) === 'unknown');
  await picture(desk, 'dashboards-unknown-desktop-light');
  await desk.context().close();
  await house.start();
  await until('the house is back', async () => (await value(house, 'own.temp')) !== undefined || (await house.write('own.temp', 20.25)).status === 200);
});

test('by keyboard: widgets are moved, resized, renamed, copied, grouped and removed, and all of it is undone over a reload', { timeout: 120_000 }, async () => {
  const id = await page(house, [
    { id: 'k1', kind: 'value', title: 'one', bindings: bound({ value: 'own.temp' }), layout: { wall: { x: 0, y: 0, w: 2, h: 2 } } },
    { id: 'k2', kind: 'value', title: 'two', bindings: bound({ value: 'own.temp' }), layout: { wall: { x: 2, y: 0, w: 2, h: 2 } } },
  ]);
  const { page: desk, complaints, visit } = await house.open(GERMAN_DESK);
  await visit(`dashboards?id=${id}&edit=1`);
  await grip(desk, 'k1').focus();
  await desk.keyboard.press('ArrowRight');
  // What stands there makes room.
  await until('moved', async () => (await cellOf(house, 'k1')) === '1,0,2,2' && (await cellOf(house, 'k2')) === '2,2,2,2');
  await desk.keyboard.press('Shift+ArrowRight');
  await desk.keyboard.press('Shift+ArrowDown');
  await until('resized', async () => (await cellOf(house, 'k1')) === '1,0,3,3');
  await desk.keyboard.press('F2');
  await desk.getByRole('textbox', { name: 'Titel' }).first().fill('eins');
  await desk.keyboard.press('Enter');
  await until('renamed', async () => (await widget(house, 'k1')).title === 'eins');
  await saved(desk);
  await desk.reload();
  await desk.getByRole('button', { name: 'Rückgängig' }).click();
  await until('the name is back', async () => (await widget(house, 'k1')).title === 'one');
  await desk.getByRole('button', { name: 'Rückgängig' }).click();
  await until('the size is back', async () => (await cellOf(house, 'k1')) === '1,0,2,2');
  await desk.getByRole('button', { name: 'Wiederholen' }).click();
  await until('the size is there again', async () => (await cellOf(house, 'k1')) === '1,0,3,3');
  await saved(desk);
  await grip(desk, 'k1').focus();
  await desk.keyboard.press('Control+z');
  await until('undone by the key', async () => (await cellOf(house, 'k1')) === '1,0,2,2');
  await saved(desk);

  await grip(desk, 'k1').focus();
  await desk.keyboard.press('Control+a');
  await desk.keyboard.press('Control+g');
  await until('grouped', async () => {
    const groups = (await widgetsOf(house, id)).map(({ group }) => group);
    return groups[0] && groups[0] === groups[1];
  });
  await saved(desk);
  await desk.keyboard.press('ArrowRight');
  await until('moved together', async () => (await cellOf(house, 'k1')) === '2,0,2,2' && (await cellOf(house, 'k2')) === '3,2,2,2');
  await saved(desk);
  await desk.keyboard.press('Control+c');
  await desk.keyboard.press('Control+v');
  const copies = await until('copied', async () => {
    const all = await widgetsOf(house, id);
    return all.length === 4 && all.filter(({ id: one }) => !['k1', 'k2'].includes(one));
  });
  assert.ok(copies[0].group && copies[0].group === copies[1].group && copies[0].group !== (await widget(house, 'k1')).group, 'a copy is a group of its own');
  await saved(desk);
  await desk.keyboard.press('Delete');
  await until('removed', async () => (await widgetsOf(house, id)).length === 2);
  assert.deepEqual(await barriers(desk), []);
  await picture(desk, 'dashboards-editor-desktop-dark-de');
  assert.deepEqual(complaints, []);
  await desk.context().close();
});

test('by mouse: a widget is dragged and resized, a kind and a template are put on the page, and a smaller screen gets its own layout', { timeout: 120_000 }, async () => {
  const id = await page(house, [
    { id: 'm1', kind: 'value', title: 'one', bindings: bound({ value: 'own.temp' }), layout: { wall: { x: 0, y: 0, w: 2, h: 2 } } },
  ]);
  const { page: desk, complaints, visit } = await house.open(DESK);
  await visit(`dashboards?id=${id}&edit=1`);
  await grip(desk, 'm1').waitFor();
  const box = await grip(desk, 'm1').boundingBox();
  await desk.mouse.move(box.x + 30, box.y + 60);
  await desk.mouse.down();
  await desk.mouse.move(box.x + 30 + box.width * 2 + 20, box.y + 60 + 144, { steps: 5 });
  // Others see what is saved, and this is not.
  assert.equal(await cellOf(house, 'm1'), '0,0,2,2');
  await desk.mouse.up();
  await until('dragged', async () => (await cellOf(house, 'm1')) === '4,2,2,2');
  await saved(desk);
  const corner = await desk.getByTestId('corner-m1').boundingBox();
  await desk.mouse.move(corner.x + 10, corner.y + 10);
  await desk.mouse.down();
  await desk.mouse.move(corner.x + 10 + box.width, corner.y + 10 + 72, { steps: 5 });
  await desk.mouse.up();
  await until('resized', async () => (await cellOf(house, 'm1')) === '4,2,4,3');
  // A drag that is given up changes nothing.
  await desk.mouse.move(box.x + box.width * 2 + 60, box.y + 250);
  await desk.mouse.down();
  await desk.mouse.move(box.x + 20, box.y + 60, { steps: 5 });
  await desk.keyboard.press('Escape');
  await desk.mouse.up();
  await desk.getByText('Widgets', { exact: true }).click();
  await desk.getByRole('button', { name: 'Clock' }).click();
  const clock = await until('a clock', async () => (await widgetsOf(house, id)).find(({ kind }) => kind === 'clock'));
  assert.equal(await cellOf(house, 'm1'), '4,2,4,3');
  await saved(desk);
  await desk.getByRole('button', { name: 'Keep as template' }).click();
  await desk.getByRole('dialog').getByLabel('Name').fill('My clock');
  await desk.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await until('kept', async () => (await house.ask('GET', '/api/widgets/templates')).items.length === 1);
  await desk.getByText('Templates', { exact: true }).click();
  await desk.getByRole('button', { name: /^My clock/ }).click();
  await until('used', async () => (await widgetsOf(house, id)).filter(({ kind }) => kind === 'clock').length === 2);
  await desk.getByRole('button', { name: 'Remove the template My clock' }).click();
  await until('forgotten', async () => (await house.ask('GET', '/api/widgets/templates')).items.length === 0);

  await desk.getByText('Phone', { exact: true }).click();
  await desk.getByText('The layout for the phone follows from that of the wall.').waitFor();
  await desk.getByRole('button', { name: 'Own layout' }).click();
  await until('its own', async () => (await house.ask('GET', `/api/dashboards/${id}`)).grids?.phone?.own === true);
  await until('all have cells', async () => (await widgetsOf(house, id)).every(({ layout }) => layout?.phone));
  await saved(desk);
  const wall = await cellOf(house, 'm1');
  await grip(desk, clock.id).click();
  await desk.keyboard.press('ArrowDown');
  const before = (await widget(house, clock.id)).layout.phone.y;
  await until('moved on the phone only', async () => (await widget(house, clock.id)).layout.phone.y !== before || before > 0);
  await saved(desk);
  assert.equal(await cellOf(house, 'm1'), wall, 'the wall stays as it is');
  await desk.getByRole('button', { name: 'Follow the wall again' }).click();
  await until('follows', async () => (await house.ask('GET', `/api/dashboards/${id}`)).grids?.phone?.own !== true);
  assert.deepEqual(complaints, []);
  await desk.context().close();
});

test('who looks at a page sees what others save, without a jump', { timeout: 60_000 }, async () => {
  const many = Array.from({ length: 40 }, (_, n) => ({
    id: `v${n}`, kind: 'value', title: `value ${n}`, bindings: bound({ value: 'own.temp' }), layout: { wall: { x: (n % 4) * 3, y: Math.floor(n / 4) * 2, w: 3, h: 2 } },
  }));
  const id = await page(house, many);
  const { page: wall, visit } = await house.open(DESK);
  await visit(`dashboards?id=${id}&kiosk=1`);
  await tile(wall, 'v39').waitFor();
  await wall.evaluate(() => scrollTo(0, 400));
  await wall.evaluate(() => (document.querySelector('[data-testid=widget-v20]').marked = true));
  const top = () => wall.evaluate(() => document.querySelector('[data-testid=widget-v20]').getBoundingClientRect().top);
  const before = await top();
  const { etag, ...last } = await widget(house, 'v39');
  delete last.may_operate;
  assert.equal((await house.call('PUT', '/api/widgets/v39', { ...last, title: 'changed by somebody' }, { 'if-match': `"${etag}"` })).status, 200);
  await tile(wall, 'v39').getByText('changed by somebody').waitFor({ state: 'attached' });
  assert.equal(await top(), before);
  assert.equal(await wall.evaluate(() => document.querySelector('[data-testid=widget-v20]').marked), true, 'what did not change is the same element');
  // Without a frame there is nothing but the widgets; Escape leads back.
  assert.equal(await wall.getByRole('navigation').count(), 0);
  assert.deepEqual(await barriers(wall), []);
  await wall.keyboard.press('Escape');
  await wall.getByRole('navigation', { name: 'Pages' }).first().waitFor();
  await wall.getByRole('button', { name: 'Without frame' }).click();
  const exit = wall.getByRole('button', { name: 'Leave the view without frame' });
  await exit.click();
  assert.equal(await wall.getByRole('navigation').count(), 0, 'a short press does nothing');
  const corner = await exit.boundingBox();
  await wall.mouse.move(corner.x + 20, corner.y + 20);
  await wall.mouse.down();
  await wall.getByRole('navigation', { name: 'Pages' }).first().waitFor();
  await wall.mouse.up();
  await wall.context().close();
});

test('of two who change one widget neither loses what was typed, and different changes go together', { timeout: 60_000 }, async () => {
  const id = await page(house, [{ id: 'r1', kind: 'value', title: 'mine', bindings: bound({ value: 'own.temp' }), layout: { wall: { x: 0, y: 0, w: 2, h: 2 } } }]);
  const { page: desk, visit } = await house.open(DESK);
  await visit(`dashboards?id=${id}&edit=1`);
  const other = async (change) => {
    const { etag, may_operate: _, ...body } = await widget(house, 'r1');
    assert.equal((await house.call('PUT', '/api/widgets/r1', { ...body, ...change }, { 'if-match': `"${etag}"` })).status, 200);
  };
  await grip(desk, 'r1').click();
  const settings = desk.getByTestId('properties');
  const title = settings.getByRole('textbox', { name: 'Title' });
  await title.fill('typed here');
  await other({ pin: true });
  await settings.getByRole('button', { name: 'Save' }).click();
  const race = desk.getByTestId('race');
  await race.getByText('Somebody else was faster').waitFor();
  await race.getByRole('button', { name: 'Take both changes' }).click();
  await until('both are there', async () => (({ title: said, pin }) => said === 'typed here' && pin === true)(await widget(house, 'r1')));

  await race.waitFor({ state: 'detached' });
  await title.fill('typed again');
  await other({ title: 'theirs' });
  await settings.getByRole('button', { name: 'Save' }).click();
  await race.getByRole('button', { name: 'Take both changes' }).waitFor({ state: 'detached' });
  await race.getByRole('button', { name: 'Keep mine' }).click();
  await until('mine is kept', async () => (await widget(house, 'r1')).title === 'typed again');

  await race.waitFor({ state: 'detached' });
  await title.fill('not lost');
  const { etag } = await widget(house, 'r1');
  assert.equal((await house.call('DELETE', '/api/widgets/r1', undefined, { 'if-match': `"${etag}"` })).status, 204);
  await settings.getByRole('button', { name: 'Save' }).click();
  await race.getByRole('button', { name: 'Add it again' }).click();
  await until('it is there again', async () => (await widget(house, 'r1')).title === 'not lost');
  await desk.context().close();
});

test('pages are made, ordered, renamed and removed; a device has a start page; a PIN is asked for; all goes out and comes back', { timeout: 120_000 }, async () => {
  const [first, second] = [await page(house, [], { group: 'Upstairs' }), await page(house, [{ id: 'p1', kind: 'switch', title: 'Gate', pin: true, bindings: bound({ command: 'own.light' }) }])];
  const { page: desk, complaints, visit } = await house.open(DESK);
  await visit(`dashboards?id=${second}`);
  const more = async (name) => {
    await desk.getByRole('button', { name: 'More', exact: true }).click();
    await desk.getByRole('group', { name: 'More' }).getByRole('button', { name }).click();
  };
  const order = async () => (await house.ask('GET', '/api/dashboards')).items.map(({ id }) => id);
  await more('Order the pages');
  const name = `Page ${second.slice(5)}`;
  await desk.getByRole('button', { name: `Move ${name}`, exact: true }).focus();
  await desk.keyboard.press('ArrowUp');
  await until('moved by the key', async () => (await order()).indexOf(second) < (await order()).indexOf(first));
  const handle = desk.getByRole('button', { name: `Move ${name}`, exact: true });
  const below = desk.getByRole('button', { name: `Move Page ${first.slice(5)}`, exact: true });
  const [a, b] = [await handle.boundingBox(), await below.boundingBox()];
  await desk.mouse.move(a.x + 20, a.y + 20);
  await desk.mouse.down();
  await desk.mouse.move(b.x + 20, b.y + b.height - 4, { steps: 5 });
  await desk.mouse.up();
  await until('dragged back', async () => (await order()).indexOf(second) > (await order()).indexOf(first));
  await desk.getByRole('button', { name: `Change ${name}` }).click();
  await desk.getByLabel('Name', { exact: true }).fill('Outside');
  await desk.getByLabel('Floor or part of the house').fill('Garden');
  await desk.getByRole('button', { name: 'Save', exact: true }).click();
  await until('renamed', async () => (({ name: said, group }) => said === 'Outside' && group === 'Garden')(await house.ask('GET', `/api/dashboards/${second}`)));
  await desk.getByRole('button', { name: `Remove Page ${first.slice(5)}` }).click();
  await until('removed', async () => !(await order()).includes(first));
  await desk.getByRole('button', { name: 'Undo' }).first().click();
  await until('back', async () => (await order()).includes(first));
  await desk.getByRole('button', { name: 'Close' }).click();

  await more('PIN of the house');
  await desk.getByLabel('PIN', { exact: true }).fill('4711');
  await desk.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await until('there is a PIN', async () => (await house.ask('GET', '/api/widgets/state')).pin_is_set);
  const was = await value(house, 'own.light');
  const press = () => tile(desk, 'p1').getByRole('switch').click();
  const give = async (pin) => {
    await press();
    await desk.getByLabel('PIN', { exact: true }).fill(pin);
    await desk.keyboard.press('Enter');
  };
  await give('0000');
  await until('refused', async () => (await tile(desk, 'p1').getByTestId('act').getAttribute('data-phase')) === 'failed');
  assert.equal(await value(house, 'own.light'), was);
  await give('4711');
  await until('operated', async () => (await value(house, 'own.light')) === !was);

  await desk.getByRole('button', { name: 'Start page here' }).click();
  await desk.goto(`${house.origin}/`);
  await tile(desk, 'p1').waitFor();
  await desk.getByRole('button', { name: 'Is start page here' }).click();
  await desk.goto('about:blank');
  await desk.goto(`${house.origin}/`);
  await desk.getByTestId('verdict').waitFor();

  await visit(`dashboards?id=${second}`);
  await more('History');
  const changes = (await house.ask('GET', '/api/widgets/versions')).items;
  const renamed = changes.find(({ touched }) => touched.some(({ id, how }) => id === second && how === 'changed')).change;
  await desk.getByRole('button', { name: `Show change ${renamed}`, exact: true }).click();
  await desk.getByRole('dialog').getByText(/"group": "Garden"/).first().waitFor();
  await desk.getByRole('button', { name: `Back to this: change ${renamed - 1}`, exact: true }).click();
  await until('as it was', async () => (await house.ask('GET', `/api/dashboards/${second}`)).name === name);
  await desk.getByRole('button', { name: 'Close' }).click();

  const whole = await house.ask('GET', '/api/widgets/export');
  await more('Export and import');
  const link = desk.getByRole('link', { name: 'Save all as a file' });
  assert.equal(await link.getAttribute('href'), '/api/widgets/export');
  await desk.getByLabel('File').setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('{"no": ') });
  await desk.getByText('The file holds no JSON.').waitFor();
  const less = { ...whole, widgets: whole.widgets.filter(({ dashboard }) => dashboard !== second) };
  await desk.getByLabel('File').setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(less)) });
  await desk.getByText('Instead of what is there').click();
  await desk.getByTestId('import-report').getByText('1 removed').waitFor();
  assert.equal((await widgetsOf(house, second)).length, 1, 'a try changes nothing');
  await desk.getByRole('button', { name: 'Import' }).click();
  await until('imported', async () => (await widgetsOf(house, second)).length === 0);
  assert.deepEqual(complaints.filter((line) => !/40[13]|422/.test(line)), []);
  await desk.context().close();
});

test('on the phone widgets are added and set without a mouse, and a datapoint leads to its widget', { timeout: 60_000 }, async () => {
  const id = await page(house, []);
  const { page: phone, complaints, visit } = await house.open({ ...PHONE, hasTouch: true });
  await visit(`dashboards?id=${id}`);
  await phone.getByRole('button', { name: 'Bearbeiten' }).first().click();
  await phone.getByRole('button', { name: 'Hinzufügen' }).click();
  await phone.getByRole('dialog').getByText('Widgets', { exact: true }).click();
  await phone.getByRole('dialog').getByRole('button', { name: 'Uhr' }).click();
  await until('a clock', async () => (await widgetsOf(house, id)).some(({ kind }) => kind === 'clock'));
  await phone.getByTestId('properties').getByRole('textbox', { name: 'Titel' }).fill('Zeit');
  await phone.getByTestId('properties').getByRole('button', { name: 'Speichern' }).click();
  await until('named', async () => (await widgetsOf(house, id))[0].title === 'Zeit');
  await phone.getByRole('dialog').getByRole('button', { name: 'Schließen' }).click();
  // The tools are one row, and the rest stands in a menu.
  const tools = phone.getByRole('toolbar');
  const tall = async () => (await tools.boundingBox()).height;
  await until('one row of tools', async () => (await tall()) < 64);
  await phone.setViewportSize({ width: 320, height: 700 });
  await until('one row of tools on a small phone', async () => (await tall()) < 64 && (await tooWide(phone)) === 0);
  await phone.setViewportSize(PHONE.viewport);
  assert.equal(await tooWide(phone), 0);
  assert.deepEqual(await barriers(phone), []);
  await picture(phone, 'dashboards-editor-phone-dark-de');
  const menu = phone.getByRole('group', { name: 'Weitere Werkzeuge' });
  const choose = async (name) => {
    await tools.getByRole('button', { name: 'Weitere Werkzeuge' }).click();
    await menu.getByText(name, { exact: true }).click();
  };
  await choose('Kopieren');
  await choose('Einfügen');
  await until('two clocks', async () => (await widgetsOf(house, id)).length === 2);
  await choose('Löschen');
  await until('one clock', async () => (await widgetsOf(house, id)).length === 1);
  await choose('Tablet');
  await phone.getByText('Die Anordnung für Tablet', { exact: false }).first().waitFor();
  await phone.keyboard.press('Escape');
  await phone.goto(`${house.origin}/#/data?point=own.temp`);
  await phone.getByRole('link', { name: 'Widget anlegen' }).click();
  const first = (await house.ask('GET', '/api/dashboards')).items[0].id;
  await until('it is on the first page', async () => (await widgetsOf(house, first)).some(({ bindings }) => bindings?.value?.address === 'own.temp' || bindings?.command?.address === 'own.temp'));
  assert.deepEqual(complaints, []);
  await phone.context().close();
});

test('the gallery shows every kind of widget in every state it can be in, in both themes', { timeout: 120_000 }, async () => {
  for (const [name, options] of [['desktop-light', DESK], ['phone-dark-de', PHONE]]) {
    const { page: shown, complaints, visit } = await house.open(options);
    await visit('gallery?tab=widgets');
    const kinds = (await shown.locator('[data-testid^="kind-"]').evaluateAll((all) => all.map((one) => [one.dataset.testid.slice(5), [...one.querySelectorAll('[data-testid^="widget-"]')].map((tile) => tile.dataset.testid.split('-').at(-1))])));
    const of = Object.fromEntries(kinds);
    assert.deepEqual(Object.keys(of).sort(), ['alarms', 'bar', 'battery', 'button', 'camera', 'chart', 'clock', 'dimmer', 'energy', 'frame', 'gauge', 'input', 'lamps', 'select', 'shutter', 'slider', 'switch', 'table', 'text', 'thermostat', 'value', 'weather']);
    const every = ['good', 'uncertain', 'stale', 'bad', 'unknown', 'gone', 'unbound'];
    for (const kind of ['value', 'chart', 'table', 'energy', 'battery', 'weather']) for (const state of every) assert.ok(of[kind].includes(state), `${kind} ${state}`);
    for (const kind of ['switch', 'button', 'slider', 'dimmer', 'shutter', 'thermostat', 'lamps', 'input', 'select']) {
      for (const state of [...every, 'pending', 'confirmed', 'rejected', 'expired']) assert.ok(of[kind].includes(state), `${kind} ${state}`);
    }
    for (const state of ['good', 'none', 'old']) assert.ok(of.camera.includes(state), `camera ${state}`);
    // A camera is asked as long as it is seen.
    for (const state of ['none', 'old']) {
      const camera = shown.getByTestId(`widget-camera-${state}`);
      await camera.scrollIntoViewIfNeeded();
      await camera.getByRole('status').waitFor();
      const isThere = () => camera.getByRole('img', { name: /./ }).evaluateAll((all) => all.some(({ naturalWidth }) => naturalWidth > 0));
      assert.equal(await isThere(), state === 'old', 'the last picture stays until the next one is there');
    }
    // That nothing bars the way here and nothing is too wide is looked at with all other pages.
    await shown.screenshot({ path: join(pictures, `dashboards-widgets-${name}.png`), fullPage: true });
    assert.deepEqual(complaints, []);
    await shown.context().close();
  }
});
