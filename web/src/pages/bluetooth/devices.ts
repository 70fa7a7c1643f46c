// Devices around, as the page orders and names them. Pure.
import type { Device } from '../../api/bluetooth';
import type { ConnectionEntry } from '../../api/connections';
import { fits } from '../../format/fold';

/** In dBm: so loud and louder is so many bars. */
const BARS = [-90, -80, -70, -60] as const;

/** 0 to 4 bars; none where it was never heard. */
export function barsOf(rssi: number | null | undefined): number | undefined {
  return rssi === null || rssi === undefined ? undefined : BARS.filter((least) => rssi >= least).length;
}

export const shows = ['battery', 'known', 'all'] as const;
/** What of the list is shown: what can be added as a battery, what is recognised or ours, everything. */
export type Show = (typeof shows)[number];

export function isOf(device: Device, show: Show): boolean {
  if (show === 'all') return true;
  if (device.connection) return true;
  return show === 'known' && Boolean(device.known || device.paired || device.connected);
}

/** What is meant comes first; within that the order in which they appeared, since a list that jumps lets nobody hit a button. */
function rank(device: Device): number {
  if (device.connection) return 0;
  if (device.paired || device.connected) return 1;
  return device.known ? 2 : device.name ? 3 : 4;
}

export interface Wish {
  search: string;
  show: Show;
}

/** Those that are wanted, in the order of the page. */
export function listed(devices: readonly Device[], { search, show }: Wish, since: ReadonlyMap<string, number>): Device[] {
  const wanted = devices.filter(
    (device) => isOf(device, show) && fits(search, [device.address, device.name ?? '', device.known?.title ?? '', ...makersOf(device)]),
  );
  const at = (device: Device) => since.get(device.address) ?? Infinity;
  return wanted.sort((a, b) => rank(a) - rank(b) || at(a) - at(b));
}

/** Makers by the number that they advertise with (Assigned Numbers of the Bluetooth SIG, section 7). */
const MAKERS: Readonly<Record<string, string>> = {
  '0006': 'Microsoft',
  '000d': 'Texas Instruments',
  '004c': 'Apple',
  '0059': 'Nordic Semiconductor',
  '0075': 'Samsung',
  '0087': 'Garmin',
  '00e0': 'Google',
  '0211': 'Telink',
  '02e1': 'Victron Energy',
  '02e5': 'Espressif',
  '038f': 'Xiaomi',
  '0499': 'Ruuvi',
  '0ba9': 'Shelly',
};

/** Services by their short number (the same, section 3.4). */
const SERVICES: Readonly<Record<string, string>> = {
  '1800': 'Generic Access',
  '1801': 'Generic Attribute',
  '180a': 'Device Information',
  '180d': 'Heart Rate',
  '180f': 'Battery',
  '181a': 'Environmental Sensing',
  '1812': 'HID',
  '1809': 'Health Thermometer',
};

const BASE = '-0000-1000-8000-00805f9b34fb';

/** A service's number as short as it can be told. */
export function shortUuid(uuid: string): string {
  const lower = uuid.toLowerCase();
  return lower.startsWith('0000') && lower.endsWith(BASE) ? lower.slice(4, 8) : lower;
}

export function serviceText(uuid: string): string {
  const short = shortUuid(uuid);
  const name = SERVICES[short];
  return name ? `${name} (${short})` : short;
}

export function makerText(number: string): string {
  const name = MAKERS[number.toLowerCase()];
  return name ? `${name} (${number.toLowerCase()})` : number.toLowerCase();
}

/** The names of its makers, as far as they are known. */
export function makersOf(device: Device): string[] {
  return Object.keys(device.manufacturer ?? {}).flatMap((number) => MAKERS[number.toLowerCase()] ?? []);
}

/** The connection that reads this device already: of the proposed driver, with its address in the configuration. */
export function readBy<C extends Pick<ConnectionEntry, 'driver' | 'config'>>(connections: readonly C[], device: Device): C | undefined {
  const wanted = device.address.toLowerCase();
  const holds = (value: unknown): boolean => {
    if (typeof value === 'string') return value.toLowerCase() === wanted;
    return typeof value === 'object' && value !== null && Object.values(value).some(holds);
  };
  return connections.find(({ driver, config }) => driver === device.connection?.driver && holds(config));
}
