// Which way power flows, from the signs that somebody chose. Pure.
import type { Point } from '../../live/point.svelte';
import { numberOf } from '../reading';

export const ends = ['pv', 'grid', 'battery', 'house'] as const;
export type End = (typeof ends)[number];

/** Towards the middle, away from it, or none that could be seen. */
export type Way = 'in' | 'out' | 'still' | 'unknown';

/** Less than this, in watts, is no flow. */
const STILL_W = 10;
const WATTS: Record<string, number> = { W: 1, kW: 1_000, MW: 1_000_000 };

/** Power in watts, positive towards the middle; undefined where nothing is known. */
export function inwards(end: End, point: Point | undefined, options: Readonly<Record<string, unknown>>): number | undefined {
  const n = point?.known && point.quality !== 'bad' ? numberOf(point.value) : undefined;
  if (n === undefined || !point) return undefined;
  const watts = n * (WATTS[point.unit] ?? 1);
  if (end === 'house') return -watts;
  if (end === 'grid') return options['grid'] === 'export' ? -watts : watts;
  if (end === 'battery') return options['battery'] === 'discharge' ? watts : -watts;
  return watts;
}

export function wayOf(watts: number | undefined): Way {
  if (watts === undefined) return 'unknown';
  if (Math.abs(watts) < STILL_W) return 'still';
  return watts > 0 ? 'in' : 'out';
}
