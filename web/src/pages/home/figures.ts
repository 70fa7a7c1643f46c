// The figures of the box and the counts of the house, as they are shown. Pure.
import type { Summary } from '../../api/summary';
import type { Instance } from '../../api/types';
import { countText, percentText, sizeText } from '../../format/number';
import { spanText } from '../../format/time';
import type { Texts } from '../../i18n/en';

export interface FigureRow {
  label: string;
  text: string;
  note?: string;
  part?: number;
  tone?: 'warn' | 'bad';
  to?: string;
}

/** Beyond this part a figure is a warning. */
const MUCH = 0.9;
/** A box that is warmer than this throttles itself soon, in degrees Celsius. */
const HOT_C = 80;

/** What the box tells of itself; what it does not have is left out. */
export function boxFigures({ box, daemon }: Summary, locale: string, t: Texts): FigureRow[] {
  const words = t.home.figure;
  const rows: FigureRow[] = [];
  const { cpu_percent: cpu, memory_mb: memory, memory_total_mb: all } = box;
  if (cpu !== undefined) rows.push({ label: words.cpu, text: percentText(cpu, locale), ...parted(cpu / 100) });
  if (memory !== undefined && all !== undefined && all > 0) {
    const note = words.of(sizeText(memory, locale), sizeText(all, locale));
    rows.push({ label: words.memory, text: percentText((100 * memory) / all, locale), note, ...parted(memory / all) });
  }
  const disks = oneOfEachDisk(box.disks);
  for (const { name, free_mb, size_mb, state } of disks) {
    const used = size_mb > 0 ? 1 - free_mb / size_mb : 0;
    const tone = state === 'full' ? 'bad' : state === 'low' ? 'warn' : undefined;
    const row: FigureRow = {
      label: disks.length === 1 ? words.disk : words[name],
      text: sizeText(free_mb, locale),
      note: words.used(sizeText(size_mb - free_mb, locale), sizeText(size_mb, locale)),
      part: used,
    };
    rows.push(tone ? { ...row, tone } : row);
  }
  const warmest = Math.max(...Object.values(box.temperatures));
  if (Number.isFinite(warmest)) {
    const row: FigureRow = { label: words.temperature, text: `${warmest.toLocaleString(locale, { maximumFractionDigits: 0 })} °C` };
    rows.push(warmest >= HOT_C ? { ...row, tone: 'warn' } : row);
  }
  if (daemon.memory_mb !== undefined) {
    const row: FigureRow = { label: words.daemon, text: sizeText(daemon.memory_mb, locale) };
    rows.push(daemon.cpu_percent === undefined ? row : { ...row, note: `${words.cpu} ${percentText(daemon.cpu_percent, locale)}` });
  }
  return rows;
}

/** Both folders are mostly on one disk: then it is shown once. */
function oneOfEachDisk(disks: Summary['box']['disks']): Summary['box']['disks'] {
  const [first, ...others] = disks;
  if (!first) return [];
  const differs = others.some(({ free_mb, size_mb }) => size_mb !== first.size_mb || Math.abs(free_mb - first.free_mb) > 1);
  return differs ? disks : [first];
}

function parted(part: number): Pick<FigureRow, 'part' | 'tone'> {
  return part >= MUCH ? { part, tone: 'warn' } : { part };
}

/** What there is in the house, each a way to its page. */
export function houseFigures(summary: Summary, instances: Instance[], active: number, locale: string, t: Texts): FigureRow[] {
  const words = t.home.figure;
  const count = (n: number) => countText(n, locale);
  const running = instances.filter(({ state }) => state === 'running' || state === 'degraded').length;
  return [
    { label: words.instances, text: words.of(count(running), count(instances.length)), to: '/instances' },
    { label: words.datapoints, text: count(summary.datapoints), to: '/data' },
    { label: words.routes, text: count(summary.routes), to: '/routes' },
    { label: words.alarms, text: count(active), to: '/alarms', ...(active > 0 ? { tone: 'bad' as const } : {}) },
    { label: words.uptime, text: spanText(summary.uptime_s * 1_000, t.units), note: `${words.version} ${summary.version}` },
  ];
}
