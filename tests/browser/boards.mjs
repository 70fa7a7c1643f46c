// Dashboards for tests: pages of widgets made past the browser, and what a hand does in the editor.
import assert from 'node:assert/strict';

let pages = 0;
/** A page with these widgets, made past the browser: its id. */
export async function page(of, widgets, more = {}) {
  const id = `page_${++pages}`;
  const { status, json } = await of.call('POST', '/api/dashboards', { id, name: `Page ${pages}`, ...more });
  assert.equal(status, 201, JSON.stringify(json));
  const steps = widgets.map((widget) => ({ add: { dashboard: id, ...widget } }));
  const made = steps.length === 0 || (await of.call('POST', '/api/widgets/batch', { steps }));
  if (made !== true) assert.equal(made.status, 200, JSON.stringify(made.json));
  return id;
}

/** Bindings by their addresses. */
export const bound = (bindings) => Object.fromEntries(Object.entries(bindings).map(([name, address]) => [name, typeof address === 'string' ? { address } : address]));
export const widgetsOf = async (of, id) => (await of.ask('GET', `/api/widgets?dashboard=${id}&limit=500`)).items;
export const widget = (of, id) => of.ask('GET', `/api/widgets/${id}`);
export const textOf = ({ x, y, w, h }) => `${x},${y},${w},${h}`;
/** A widget's cell as `x,y,w,h`; nothing if it has none. */
export const cellOf = async (of, id, size = 'wall') => {
  const cell = (await widget(of, id)).layout?.[size];
  return cell && textOf(cell);
};
export const value = async (of, address) => (await of.datapoint(address))?.value;

/** Changes a widget past the browser, as somebody who saw it as it is. */
export async function change(of, id, to) {
  const { etag, may_operate: _, ...body } = await widget(of, id);
  const { status, json } = await of.call('PUT', `/api/widgets/${id}`, { ...body, ...to }, { 'if-match': `"${etag}"` });
  assert.equal(status, 200, JSON.stringify(json));
}

export async function remove(of, id) {
  const { etag } = await widget(of, id);
  assert.equal((await of.call('DELETE', `/api/widgets/${id}`, undefined, { 'if-match': `"${etag}"` })).status, 204);
}

export const tile = (on, id) => on.getByTestId(`widget-${id}`);
export const grip = (on, id) => on.getByTestId(`place-${id}`).getByRole('button');
export const saved = (on) => on.locator('[data-testid=saved][data-saving=false]').waitFor();

/** Drags with the mouse from the middle of one to a place in another. */
export async function drag(on, from, to, { x = 0.5, y = 0.5 } = {}) {
  await from.scrollIntoViewIfNeeded();
  const [a, b] = [await from.boundingBox(), await to.boundingBox()];
  await on.mouse.move(a.x + Math.min(60, a.width / 2), a.y + a.height / 2);
  await on.mouse.down();
  await on.mouse.move(b.x + b.width * x, b.y + Math.min(b.height, 640) * y, { steps: 6 });
  await on.mouse.up();
}
