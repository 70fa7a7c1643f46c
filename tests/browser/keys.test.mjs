// What each page is there for, done with the keyboard alone: Tab to the control, one key, and the API says that it was done.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DESK, becomes, ownHouse, until } from './house.mjs';

/** More would be a page that holds the keyboard. */
const MOST_TABS = 250;
const BATTERY = 'A5:C2:37:00:00:01';
let house;

before(async () => {
  house = ownHouse([
    { id: 'own', driver: 'virtual' },
    { id: 'counter', driver: 'counter', config: { every_s: 0.5 } },
    { id: 'cellar', name: 'Cellar', driver: 'pack', config: { cells: 4, writes: true } },
    { id: 'bt', name: 'Bluetooth', driver: 'radio', config: {} },
  ]);
  house.put('datapoints.json', { datapoints: { 'own.leak': { name: 'Leak', role: 'alarm', alarm: { severity: 'critical' } } } });
  house.put('routing.json', { routes: [{ id: 'halves', from: 'own.level', to: 'calc.half', transform: 'scale(0.5)' }] });
  await house.start();
  await until('all run', async () => (await house.ask('GET', '/api/admin/instances')).items.every(({ state }) => state === 'running'));
  for (const [tag, value] of Object.entries({ light: false, level: 40, leak: true })) {
    await until(`own.${tag} is there`, async () => (await house.write(`own.${tag}`, value)).json?.outcome === 'confirmed');
  }
  assert.equal((await house.call('POST', '/api/dashboards', { id: 'room', name: 'Room' })).status, 201);
  const add = { dashboard: 'room', id: 'light', kind: 'switch', title: 'Light', bindings: { command: { address: 'own.light' } } };
  assert.equal((await house.call('POST', '/api/widgets/batch', { steps: [{ add }] })).status, 200);
}, { timeout: 180_000 });
after(() => house?.close());

const value = async (address) => (await house.datapoint(address))?.value;
const instance = async (id) => (await house.ask('GET', '/api/admin/instances')).items.find((one) => one.id === id);

/** Goes to a control as a hand without a mouse does. */
async function reach(page, control) {
  await control.waitFor();
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    if (await control.evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`the Tab key does not reach ${control}`);
}

/** Goes there and presses a key, once the control takes it. */
async function press(page, control, key = 'Enter') {
  await until('it can be pressed', () => control.isEnabled());
  await reach(page, control);
  await page.keyboard.press(key);
}

async function type(page, field, text) {
  await reach(page, field);
  await page.keyboard.type(text);
}

/** What is done on each page, and how the house tells that it was. */
const STORIES = {
  'dashboards?id=room': async (page) => {
    const light = page.getByTestId('widget-light').getByRole('switch');
    await becomes(() => light.getAttribute('aria-checked'), 'false');
    await press(page, light, 'Space');
    await becomes(() => value('own.light'), true);
  },
  'dashboards?id=room&edit=1': async (page) => {
    await press(page, page.getByTestId('place-light').getByRole('button'));
    await press(page, page.getByRole('toolbar').getByRole('button', { name: 'Delete' }));
    await becomes(async () => (await house.ask('GET', '/api/widgets?dashboard=room')).items.length, 0);
    await press(page, page.getByRole('toolbar').getByRole('button', { name: 'Undo' }));
    await becomes(async () => (await house.ask('GET', '/api/widgets?dashboard=room')).items.length, 1);
  },
  'data?point=own.level': async (page) => {
    const form = page.getByTestId('write-form');
    await type(page, form.getByLabel('New value'), '55');
    // It belongs to no device, so nobody asks whether it is meant.
    await page.keyboard.press('Enter');
    await becomes(() => value('own.level'), 55);
  },
  routes: async (page) => {
    await press(page, page.getByRole('switch', { name: 'Route halves enabled' }), 'Space');
    await becomes(async () => (await house.ask('GET', '/api/router/routes/halves')).enabled, false);
  },
  instances: async (page) => {
    await press(page, page.getByTestId('stop-counter'));
    await becomes(async () => (await instance('counter')).state, 'stopped');
  },
  connections: async (page) => {
    await press(page, page.getByRole('button', { name: 'Add a connection' }));
    await press(page, page.getByTestId('driver-virtual'));
    await type(page, page.getByLabel('Name', { exact: true }), 'Shed');
    await becomes(() => page.getByLabel(/^Id/).inputValue(), 'shed');
    await press(page, page.getByRole('button', { name: 'Save and start' }));
    await until('it is there', async () => (await instance('shed'))?.state === 'running');
  },
  'batteries?id=cellar': async (page) => {
    await press(page, page.getByTestId('pack-cellar').getByRole('switch', { name: 'Discharging', checked: true }), 'Space');
    await press(page, page.getByRole('dialog').getByRole('button', { name: 'Switch off' }));
    await becomes(() => value('cellar.discharge_mos'), false);
  },
  bluetooth: async (page) => {
    await press(page, page.getByTestId(`device-${BATTERY}`).getByRole('button', { name: /^Pair/ }));
    const dialog = page.getByRole('dialog');
    await press(page, dialog.getByRole('button', { name: 'Pair', exact: true }));
    await type(page, dialog.getByLabel('Code'), '123456');
    await page.keyboard.press('Enter');
    const scan = () => house.ask('POST', '/api/connections/bt/call/scan', { seconds: 0 });
    await until('it is paired', async () => (await scan()).devices.find(({ address }) => address === BATTERY)?.paired);
  },
  alarms: async (page) => {
    await press(page, page.locator('[data-testid=alarm]').getByTestId('acknowledge'));
    await becomes(async () => (await house.ask('GET', '/api/alarms')).unacknowledged_count, 0);
  },
  logs: async (page) => {
    await reach(page, page.getByRole('radio', { name: 'Errors' }));
    await page.keyboard.press('ArrowRight');
    await until('the next tab is open', () => page.url().includes('tab=lines'));
  },
  system: async (page) => {
    await press(page, page.getByRole('button', { name: 'Add user' }));
    const dialog = page.getByRole('dialog');
    await type(page, dialog.getByLabel('Name'), 'anna');
    await type(page, dialog.getByLabel('Password'), 'Schaltschrank 7');
    await page.keyboard.press('Enter');
    await until('she is there', async () => (await house.ask('GET', '/api/admin/users')).items.some(({ name }) => name === 'anna'));
  },
  panic: async (page) => {
    await press(page, page.getByTestId('panic'));
    await page.getByTestId('panic-count').waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('panic-count').waitFor({ state: 'detached' });
    assert.equal((await house.ask('GET', '/api/admin/panic')).state, 'armed');
    await press(page, page.getByTestId('panic-drill'));
    await page.getByTestId('panic-plan').waitFor();
  },
  home: async (page) => {
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').getByRole('combobox').waitFor();
    await page.keyboard.type('routes');
    await page.getByTestId('hit').first().waitFor();
    await page.keyboard.press('Enter');
    await until('the page is open', () => page.url().endsWith('#/routes'));
  },
};

for (const [place, act] of Object.entries(STORIES)) {
  test(`${place}: done with the keyboard alone`, { timeout: 120_000 }, async () => {
    const { page, context, visit } = await house.open(DESK);
    await visit(place);
    await act(page);
    await context.close();
  });
}
