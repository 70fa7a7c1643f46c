// What a search of a driver has found, as devices that can be added. Pure.
import type { DriverAction, Manifest } from '../../api/connections';
import { same } from '../../ui/form/draft';
import { isObject, shown } from '../../ui/form/schema';

export interface Device {
  title: string;
  /** What else is known of it. */
  facts: { label: string; text: string }[];
  /** The keys of the configuration that reach it; none if the driver does not say. */
  config: Record<string, unknown> | undefined;
}

/** Actions that look for devices. */
const SEARCHES = ['discover', 'scan'];
/** More would fill the page; a search that finds so many is to be narrowed. */
const MOST = 500;
const FACTS = 12;

export function searchesOf(driver: Manifest | undefined): DriverAction[] {
  return driver?.capabilities.actions.filter(({ name }) => SEARCHES.includes(name)) ?? [];
}

/** A configuration with which this search works before there is a connection. */
export function aloneWith(action: DriverAction): Record<string, unknown> | undefined {
  const config = action.arguments?.['x-without-connection'];
  return isObject(config) ? config : undefined;
}

/** The devices in an answer: a list, or an object with one list in it; undefined if it is neither. */
export function devicesIn(answer: unknown): Device[] | undefined {
  const lists = isObject(answer) ? Object.values(answer).filter(Array.isArray) : [answer];
  const [list] = lists;
  if (lists.length !== 1 || !Array.isArray(list) || !list.every(isObject)) return undefined;
  return list.slice(0, MOST).map(device);
}

function device(entry: Record<string, unknown>): Device {
  const { config, ...rest } = entry;
  const known = Object.entries(rest).filter(([, value]) => value !== null && value !== '');
  const [name] = known.filter(([key, value]) => ['name', 'title'].includes(key) && typeof value === 'string');
  const [titled] = name ? [name] : known;
  const facts = known
    .filter(([key]) => key !== titled?.[0])
    .slice(0, FACTS)
    .map(([key, value]) => ({ label: key.replaceAll('_', ' '), text: shown(value) }));
  const title = titled ? (name ? shown(titled[1]) : `${titled[0].replaceAll('_', ' ')} ${shown(titled[1])}`) : '?';
  const given = isObject(config) ? Object.entries(config).filter(([, value]) => value !== null) : undefined;
  return { title, facts, config: given && Object.fromEntries(given) };
}

/** The connection that reaches this device already: each key of its configuration is the same there. */
export function alreadyBy<C extends { driver: string; config: unknown }>(
  connections: readonly C[],
  driver: string,
  config: Record<string, unknown>,
): C | undefined {
  return connections.find((one) => {
    const there = one.driver === driver && isObject(one.config) ? one.config : undefined;
    return there && Object.entries(config).every(([key, value]) => same(there[key], value));
  });
}
