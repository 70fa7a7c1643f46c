// What was found, as rows in groups: what a row says and where it leads. Pure.
import type { DeviceFinds, Found } from '../../api/search';
import { fits } from '../../format/fold';
import type { Texts } from '../../i18n/en';
import type { IconName } from '../../ui/icons';
import type { PageLink } from '../pages';

export interface Hit {
  /** Names the row; no two are equal. */
  key: string;
  icon: IconName;
  title: string;
  detail: string;
  /** Where it leads, behind the `#`. */
  to: string;
  /** The device has to be asked for it first. */
  read?: string;
  /** What is to be seen of the page that opens, by its `data-testid`. */
  shows?: string;
}

export interface Group {
  key: keyof Texts['frame']['search']['groups'];
  hits: Hit[];
}

/** `/data` and `{ point: 'a b' }` make `/data?point=a+b`. */
function to(path: string, query: Record<string, string>): string {
  return `${path}?${new URLSearchParams(query)}`;
}

/** All groups that have something, pages first. Without a text all pages are shown, to go there by keyboard. */
export function groupsOf(
  text: string,
  pages: readonly PageLink[],
  found: Found | undefined,
  devices: DeviceFinds | undefined,
  t: Texts,
): Group[] {
  const known = new Set(found?.datapoints.map(({ address }) => address));
  const groups: Group[] = [
    { key: 'pages', hits: pages.filter(({ key, path }) => fits(text, [t.nav[key], path])).map((page) => pageHit(page, t)) },
    {
      key: 'alarms',
      hits: (found?.alarms ?? []).map(({ address, name, state }) => ({
        key: `alarm ${address}`,
        icon: 'bell',
        title: name ?? address,
        detail: `${t.alarms.states[state]} · ${address}`,
        to: '/alarms',
      })),
    },
    {
      key: 'instances',
      hits: (found?.instances ?? []).map(({ id, name, driver, state }) => ({
        key: `instance ${id}`,
        icon: 'instances',
        title: name || id,
        detail: [id, driver, t.states[state] ?? state].join(' · '),
        to: to('/instances', { search: id }),
        shows: `instance-${id}`,
      })),
    },
    {
      key: 'datapoints',
      hits: (found?.datapoints ?? []).map(({ address, name }) => ({
        key: `point ${address}`,
        icon: 'data',
        title: name ?? address,
        detail: name === undefined ? '' : address,
        to: to('/data', { point: address }),
      })),
    },
    { key: 'devices', hits: deviceHits(devices, known) },
    {
      key: 'routes',
      hits: (found?.routes ?? []).map(({ id, description = '' }) => ({
        key: `route ${id}`,
        icon: 'routes',
        title: id,
        detail: description,
        to: to('/routes', { id }),
        shows: `route-${id}`,
      })),
    },
  ];
  return groups.filter(({ hits }) => hits.length > 0);
}

function pageHit({ key, path, icon }: PageLink, t: Texts): Hit {
  return { key: `page ${key}`, icon, title: t.nav[key], detail: '', to: path };
}

function deviceHits(devices: DeviceFinds | undefined, known: Set<string>): Hit[] {
  const nodes = (devices?.nodes ?? []).filter(({ address }) => address === undefined || !known.has(address));
  return nodes.map(({ instance, name, path, address, type, comment }) => ({
    key: `node ${instance} ${path}`,
    icon: address === undefined ? 'right' : 'data',
    title: name || path,
    detail: [instance, path, type, comment].filter(Boolean).join(' · '),
    ...(address === undefined
      ? { to: to('/data', { view: 'tree', instance, path }) }
      : { to: to('/data', { point: address }), read: address }),
  }));
}
