// What the parts of the gallery are shown with: among it what a stranger may send.
import type { PointInfo, Quality, Value } from '../../api/types';
import { Point } from '../../live/point.svelte';

/** Names as devices have them, and as nobody hopes for. */
export const NAMES = [
  'Wärmepumpe',
  '',
  '<img src=x onerror=alert(1)>',
  'שלום עולם',
  `plc_001.MAIN.${'fVeryLongStructureName.'.repeat(40)}end`,
];

export interface Shown {
  key: string;
  point: Point;
  known: boolean;
}

function point(key: string, value: Value, more: Partial<PointInfo> = {}, known = true): Shown {
  const made = new Point(`gallery.${key}`);
  const base = { address: made.address, instance: 'gallery', tag: key, quality: 'good' as Quality, reason: '', source_ms: 1, receive_ms: 1, writable: false };
  made.describe({ ...base, value, ...more });
  made.known = known;
  return { key, point: made, known };
}

/** A value of each kind, and in each condition. */
export const points = (): Shown[] => [
  point('number', 21.512_345, { unit: '°C' }),
  point('large', 1_234_567, { unit: 'Wh' }),
  point('bool', true),
  point('text', 'Heizbetrieb'),
  point('empty', ''),
  point('html', '<b onclick=alert(1)>bold</b>'),
  point('long', 'x'.repeat(10_000)),
  point('json', { t: 'json', v: '{"on": true, "scene": "evening"}' }),
  point('bytes', { t: 'bytes', v: 'AQIDBAUGBwgJCgsMDQ4P' }),
  point('nan', { t: 'f64', v: 'NaN' }),
  point('uncertain', 48.1, { quality: 'uncertain', reason: 'last_usable', unit: 'V' }),
  point('stale', 7, { quality: 'bad', reason: 'stale' }),
  point('bad', 12, { quality: 'bad', reason: 'device_failure', note: 'Modbus 4: the device failed' }),
  point('none', null, { quality: 'bad', reason: 'no_data', receive_ms: 0 }),
  point('unknown', 19.5, { unit: '°C' }, false),
];
