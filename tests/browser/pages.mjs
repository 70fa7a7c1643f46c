// Every page that the web admin has, as its own list has them, so that no check leaves out a new one.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './house.mjs';

const source = join(root, 'web/src');
const list = readFileSync(join(source, 'shell/pages.ts'), 'utf8');

/** The tabs of a page: the words of the list that it holds `?tab=` against. */
function tabsOf(component) {
  const text = readFileSync(join(source, 'shell', component), 'utf8');
  if (!text.includes("query['tab']")) return [];
  const words = [...text.matchAll(/\b(?:TABS|tabs)\b[^;]*?\[((?:\s*'\w+',?){2,})\s*\]/g)].map(([, all]) => [...all.matchAll(/'(\w+)'/g)]);
  const tabs = [...new Set(words.flat().map(([, word]) => word))];
  if (tabs.length < 2) throw new Error(`the tabs of ${component} cannot be told`);
  return tabs;
}

const entries = [...list.matchAll(/path: '\/([\w-]+)'[^}]*?import\('([^']+)'\)/gs)].map(([, path, component]) => ({ path, component }));
if (entries.length < 5) throw new Error('the list of pages cannot be read');

/** What one writes behind `#/`, a page and each of its tabs. */
export const places = entries.flatMap(({ path, component }) => [
  path,
  ...tabsOf(component).slice(1).map((tab) => `${path}?tab=${tab}`),
]);

/** What lies behind a page and has an address of its own, in the demo house: editors, forms, dialogs. */
export const views = [
  'dashboards?id=ground',
  'dashboards?id=overview&edit=1',
  'data?view=list',
  'data?point=inverter.pv_power',
  'routes?id=pv_in_kilowatts',
  'instances?logs=plc_001',
  'connections?edit=plc_001',
  'connections?add=1',
  'system?tab=files&file=connections.json',
];

/** A place as the name of a file. */
export const fileName = (place) => place.replace('?tab=', '-').replace(/[^\w-]+/g, '-');

/** Every file of the pages' source that is in this folder, for checks of the source itself. */
export function svelteFiles(folder = source) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name.endsWith('.svelte'))
    .map(({ parentPath, path, name }) => join(parentPath ?? path ?? dirname(folder), name));
}
