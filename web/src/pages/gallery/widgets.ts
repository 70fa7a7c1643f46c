// Every kind of widget as the gallery shows it: what it is bound to, and each state that it can be in.
import type { Binding, Columns, Rule } from '../../api/dashboards';
import type { AlarmPage, PointInfo, Quality, Value } from '../../api/types';
import { Point } from '../../live/point.svelte';
import { Act, type Phase } from '../../widgets/act.svelte';
import type { WidgetKind } from '../../widgets/kind';
import type { Sources } from '../../widgets/sources';

export const NOW = Date.now();

/** What stands in a binding of this name while all is well. */
const VALUES: Record<string, [Value, string]> = {
  value: [21.5, '°C'],
  value_1: [21.5, '°C'],
  value_2: [19.8, '°C'],
  value_3: [true, ''],
  command: [true, ''],
  feedback: [true, ''],
  level: [62, '%'],
  level_feedback: [60, '%'],
  up: [false, ''],
  stop: [false, ''],
  down: [false, ''],
  position: [35, '%'],
  target: [35, '%'],
  heating: [true, ''],
  lamp_1: [true, ''],
  lamp_2: [false, ''],
  lamp_3: [false, ''],
  feedback_1: [true, ''],
  feedback_2: [false, ''],
  pv: [4_210, 'W'],
  battery: [1_530, 'W'],
  grid: [-1_240, 'W'],
  house: [1_440, 'W'],
  soc: [78, '%'],
  voltage: [52.4, 'V'],
  current: [29.2, 'A'],
  power: [1_530, 'W'],
  temperature: [18.3, '°C'],
  condition: ['rain', ''],
  humidity: [64, '%'],
  wind: [12, 'km/h'],
  rain: [0.4, 'mm'],
  pressure: [1_013, 'hPa'],
};
for (let cell = 1; cell <= 8; cell += 1) VALUES[`cell_${cell}`] = [3.27 + cell / 1_000, 'V'];

/** Kinds whose bindings are numbers where others are switches. */
const OWN: Record<string, Record<string, [Value, string]>> = {
  slider: { command: [40, '%'], feedback: [38, '%'] },
  input: { command: [21, '°C'], feedback: [21, '°C'] },
  select: { command: [2, ''], feedback: [2, ''] },
  thermostat: { command: [21.5, '°C'], feedback: [21.5, '°C'], value: [20.8, '°C'] },
  bar: { value: [64, '%'] },
  gauge: { value: [64, '%'] },
  text: { value: ['Heizbetrieb', ''] },
};

const OPTIONS: Record<string, Record<string, unknown>> = {
  text: { text: 'Erdgeschoss:' },
  select: { choices: [{ value: '1', word: 'Auto' }, { value: '2', word: 'Eco' }, { value: '3', word: 'Party' }] },
  clock: { seconds: true },
  button: { label: 'Gong' },
  chart: { span: 'ten_minutes' },
  camera: { every_s: 1 },
};

export const RULES: Rule[] = [{ when: '>', than: 60, colour: 'warn' }];

export interface State {
  name: string;
  /** Of the last wish. */
  phase?: Phase;
  more?: Partial<PointInfo>;
  known?: boolean;
  gone?: boolean;
  unbound?: boolean;
  ruled?: boolean;
  /** Of a camera: none comes, or none comes any more. */
  picture?: 'none' | 'old';
}

const bad = (reason: string): Partial<PointInfo> => ({ quality: 'bad' as Quality, reason, receive_ms: NOW - 95_000 });

/** What any widget may be in. */
export const STATES: readonly State[] = [
  { name: 'good' },
  { name: 'ruled', ruled: true },
  { name: 'pending', phase: 'pending' },
  { name: 'confirmed', phase: 'confirmed' },
  { name: 'rejected', phase: 'rejected' },
  { name: 'expired', phase: 'expired' },
  { name: 'uncertain', more: { quality: 'uncertain', reason: 'last_usable', receive_ms: NOW - 42_000 } },
  { name: 'stale', more: bad('stale') },
  { name: 'bad', more: bad('device_failure') },
  { name: 'unknown', known: false },
  { name: 'gone', gone: true },
  { name: 'unbound', unbound: true },
  { name: 'none', picture: 'none' },
  { name: 'old', picture: 'old' },
];

/** The states that this kind can be in: what cannot be operated has no wishes, what has no datapoint has no doubts. */
export function statesOf(kind: WidgetKind): State[] {
  const writes = kind.slots.some(({ does }) => does !== 'read');
  return STATES.filter(({ phase, more, known, gone, unbound, ruled, picture }) => {
    if (phase) return writes;
    if (picture) return kind.kind === 'camera';
    if (ruled) return kind.coloured === true;
    return kind.slots.length > 0 || !(more || known === false || gone || unbound);
  });
}

export interface Sample {
  options: Record<string, unknown>;
  bindings: Record<string, Binding>;
  points: Record<string, Point>;
  gone: Map<string, string>;
  act: Act;
}

/** A widget of this kind in this state, bound to nothing that lives. */
export function sampleOf(kind: WidgetKind, state: State, near: string): Sample {
  const names = kind.slots.flatMap(({ key, most = 1 }) =>
    most === 1 ? [key] : Object.keys(VALUES).filter((name) => name.startsWith(`${key}_`)),
  );
  const bindings: Record<string, Binding> = {};
  const points: Record<string, Point> = {};
  for (const name of state.unbound ? [] : names) {
    const [value, unit] = OWN[kind.kind]?.[name] ?? VALUES[name] ?? [true, ''];
    const address = `gallery.${kind.kind}.${name}`;
    const point = new Point(address);
    const base = { address, instance: 'gallery', tag: name, quality: 'good' as const, reason: '', source_ms: NOW, receive_ms: NOW, writable: true };
    point.describe({ ...base, value, unit, ...state.more });
    // What does not exist has never said anything.
    if (state.gone && name === names[0]) point.update({ ...base, value: null, quality: 'bad', reason: 'no_data', receive_ms: 0 });
    point.known = (state.known ?? true) && !(state.gone && name === names[0]);
    points[name] = point;
    bindings[name] = { address, ...(name.startsWith('lamp_') && { label: `Licht ${name.slice(5)}` }) };
  }
  const first = names[0];
  const gone = new Map(state.gone && first !== undefined ? [[first, near]] : []);
  return { options: OPTIONS[kind.kind] ?? {}, bindings, points, gone, act: actIn(state.phase ?? 'idle') };
}

/** Somebody's wish that has come this far, and stays there. */
function actIn(phase: Phase): Act {
  const act = new Act(() => new Promise(() => {}), () => true);
  act.phase = phase;
  if (phase === 'rejected') [act.reason, act.hint] = ['the PLC is in CONFIG mode', 'switch it to RUN'];
  return act;
}

function wave(address: string): Columns {
  const columns = Array.from({ length: 200 }, (_, n) => {
    const level = 20 + 3 * Math.sin(n / 14 + address.charCodeAt(address.length - 1)) + (n % 7) / 10;
    return { t_ms: NOW - (200 - n) * 3_000, min: level - 0.2, max: level + 0.2, last: level, bad: 0 };
  });
  return { address, most: 10_000, values: 10_000, columns };
}

/** A picture that is there without a camera, and one that is none. */
const [PICTURE, BROKEN] = ['/icon-512.png', '/'];

/** Cameras of which one never sends a picture, and another one only its first. */
function cameras(): Sources['camera'] {
  let isFirst = true;
  return (id) => {
    if (id.endsWith('-none') || (id.endsWith('-old') && !isFirst)) return BROKEN;
    if (id.endsWith('-old')) isFirst = false;
    return PICTURE;
  };
}

/** What widgets would ask the daemon for. */
export const sourcesOf = (): Sources => ({
  columns: (address) => Promise.resolve(wave(address)),
  camera: cameras(),
  alarms: (): AlarmPage => ({
    active_count: 1,
    unacknowledged_count: 2,
    items: [
      { address: 'plc_001.MAIN.bLeak', name: 'Wasser im Keller', severity: 'critical', state: 'active', flaps: false, source_lost: false, activated_ms: NOW - 340_000 },
      { address: 'bt.bms_001.cell_low', name: 'Zelle unter 3,0 V', severity: 'warning', state: 'cleared', flaps: true, source_lost: false, activated_ms: NOW - 4_000_000, cleared_ms: NOW - 90_000 },
    ],
  }),
});
