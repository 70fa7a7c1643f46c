// The datapoints of a battery, put in order: packs, cells, temperatures, alarms. Pure. The names are fixed:
// docs/specs/plugin-protocol.md, section 16.
import type { TreeNode } from '../../api/data';

/** One datapoint of a pack. */
export interface Part {
  /** Its name within the pack: `voltage`, `cells.01`. */
  name: string;
  address: string;
  unit: string;
  writable: boolean;
}

export interface Pack {
  /** The beginning of its tags; empty where there is only one. */
  name: string;
  /** Whether it is all the others together. */
  isBank: boolean;
  parts: ReadonlyMap<string, Part>;
  cells: Part[];
  temperatures: Part[];
  /** Also what is only warned of. */
  alarms: Part[];
  limits: Part[];
  switches: Part[];
  /** What has no place of its own. */
  others: Part[];
}

/** Names that only a battery has: what stands before one of them is a pack. */
const MARKS = ['voltage', 'soc', 'current', 'cell_min', 'packs'];
const FOLDERS = ['cells', 'temperatures', 'alarms', 'warnings', 'limits'] as const;
type Folder = (typeof FOLDERS)[number];
const SWITCHES = ['charge_mos', 'discharge_mos'];
/** Shown at the top. */
const TOP = ['voltage', 'current', 'power', 'soc', 'alarm', 'cell_min', 'cell_max', 'cell_delta', 'packs', 'packs_online'];
/** First of the rest; all others follow by name. */
const FIRST = ['remaining', 'capacity', 'soh', 'cycles', 'balancing', 'temperature_min', 'temperature_max', 'time_to_go'];
/** Last, since they never change. */
const LAST = ['model', 'serial', 'firmware'];
const LIMIT = /_limit$/;

/** What is asked for where no cell is known yet: a driver that reads on demand only asks for them once somebody wants one. */
export const WAKING = 'cells.01';

/** The packs of an instance, the bank first, the others by name. */
export function packsOf(instance: string, nodes: readonly TreeNode[]): Pack[] {
  const leaves = nodes.filter((node) => node.tag !== undefined);
  const starts = [...new Set(leaves.map(({ tag }) => startOf(tag ?? '')).filter((start) => start !== undefined))];
  starts.sort((a, b) => b.length - a.length);
  const parts = new Map<string, Part[]>(starts.map((start) => [start, []]));
  for (const { tag = '', address, unit = '', writable = false } of leaves) {
    const start = starts.find((one) => one === '' || tag.startsWith(`${one}.`));
    if (start === undefined) continue;
    const name = start ? tag.slice(start.length + 1) : tag;
    parts.get(start)?.push({ name, address: address ?? `${instance}.${tag}`, unit, writable });
  }
  const packs = [...parts].map(([name, own]) => packOf(name, own));
  return packs.sort((a, b) => Number(b.isBank) - Number(a.isBank) || byNumber(a.name, b.name));
}

/** What stands before a name that is a battery's; undefined if it is none. */
function startOf(tag: string): string | undefined {
  const words = tag.split('.');
  const last = words.pop() ?? '';
  const start = words.join('.');
  if (MARKS.includes(last)) return start;
  return words.at(-1) === 'cells' && /^\d+$/.test(last) ? words.slice(0, -1).join('.') : undefined;
}

function packOf(name: string, parts: Part[]): Pack {
  const below = (folder: Folder) =>
    parts.filter((part) => part.name.startsWith(`${folder}.`)).sort((a, b) => byNumber(a.name, b.name));
  const foldered = (part: Part) => FOLDERS.some((folder) => part.name.startsWith(`${folder}.`));
  const plain = parts.filter((part) => !foldered(part));
  const isLimit = (part: Part) => LIMIT.test(part.name);
  const place = (part: Part) => {
    if (LAST.includes(part.name)) return 1_000;
    return FIRST.includes(part.name) ? FIRST.indexOf(part.name) : 500;
  };
  const others = plain.filter((part) => !TOP.includes(part.name) && !SWITCHES.includes(part.name) && !isLimit(part));
  return {
    name,
    isBank: plain.some((part) => part.name === 'packs'),
    parts: new Map(parts.map((part) => [part.name, part])),
    cells: below('cells'),
    temperatures: below('temperatures'),
    alarms: [...below('alarms'), ...below('warnings')],
    limits: [...below('limits'), ...plain.filter(isLimit)],
    switches: SWITCHES.flatMap((wanted) => plain.filter((part) => part.name === wanted)),
    others: others.sort((a, b) => place(a) - place(b) || byNumber(a.name, b.name)),
  };
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** A name's last part: `01` of `cells.01`. */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

export interface Spread {
  /** The ends of the bars in volts, so that small differences are seen. */
  from: number;
  to: number;
  lowest: number;
  highest: number;
}

/** The steps in which the ends of the bars lie, in volts. */
const STEP = 0.05;

/** How the cells lie; undefined if none is known. `volts` has a place for each cell. */
export function spreadOf(volts: readonly (number | undefined)[]): Spread | undefined {
  const known = volts.filter((volt) => volt !== undefined);
  if (known.length === 0) return undefined;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const round = (n: number) => Math.round(n * 100) / 100;
  return {
    from: round(Math.max(0, Math.floor(low / STEP - 0.5) * STEP)),
    to: round(Math.ceil(high / STEP + 0.2) * STEP),
    lowest: volts.indexOf(low),
    highest: volts.lastIndexOf(high),
  };
}

/** A value's share of the way between two ends, 0 to 1. */
export function shareOf(value: number, from: number, to: number): number {
  return to > from ? Math.min(1, Math.max(0, (value - from) / (to - from))) : 0;
}

/** The same doubt about several datapoints. */
export interface Doubt {
  quality: 'uncertain' | 'bad';
  reason: string;
  note: string;
  names: string[];
}

interface Doubted {
  name: string;
  quality: string;
  reason: string;
  note: string;
}

/** What is not good, by its reason: the bad first. */
export function doubtsOf(points: readonly Doubted[]): Doubt[] {
  const doubts = new Map<string, Doubt>();
  for (const { name, quality, reason, note } of points) {
    if (quality !== 'uncertain' && quality !== 'bad') continue;
    const key = `${quality}\n${reason}\n${note}`;
    const doubt = doubts.get(key) ?? { quality, reason, note, names: [] };
    doubt.names.push(name);
    doubts.set(key, doubt);
  }
  return [...doubts.values()].sort((a, b) => Number(b.quality === 'bad') - Number(a.quality === 'bad') || b.names.length - a.names.length);
}
