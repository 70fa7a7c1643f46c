// The live figures of an instance, each with its part of what it may take. Pure.
import type { Instance } from '../../api/types';
import type { Flow } from './flows.svelte';
import { isAlive } from './state';
import type { Curve } from './hours.svelte';

/** At these parts of a limit it is warned of. */
const WARN = 0.8;
const ALARM = 0.95;

export type Nearness = 'fine' | 'warned' | 'alarmed';

export interface LiveFigure {
  key: Curve;
  /** What is taken; undefined where it is not measured. */
  used: number | undefined;
  /** What may be taken, in the same unit; undefined without a limit. */
  limit: number | undefined;
  /** 1 is all of the limit, or without one of what the bar is measured by. */
  part: number;
  nearness: Nearness;
}

export function nearness(part: number): Nearness {
  if (part >= ALARM) return 'alarmed';
  return part >= WARN ? 'warned' : 'fine';
}

/** CPU in per cent of a core, memory in MB, the rest per second. */
export function figuresOf(instance: Instance, flow: Flow, most: { disk: number; network: number }): LiveFigure[] {
  const { guard } = instance;
  const limits = guard?.limits ?? {};
  const alive = isAlive(instance.state);
  const of = (key: Curve, used: number | undefined, limit: number | undefined, whole: number): LiveFigure => {
    const part = (used ?? 0) / (limit ?? whole);
    return { key, used, limit, part, nearness: limit === undefined || !alive ? 'fine' : nearness(part) };
  };
  const cpuLimit = limits.max_cpu_share === undefined ? undefined : limits.max_cpu_share * 100;
  const machine = (instance.memory_percent ?? 0) > 0 ? ((instance.memory_mb ?? 0) / (instance.memory_percent ?? 1)) * 100 : 1;
  const rates = [
    of('samplesIn', instance.rate_in, guard?.max_pps, 500),
    of('samplesOut', instance.rate_out, undefined, Math.max(guard?.max_pps ?? 500, instance.rate_out)),
  ];
  if (instance.cpu_percent === undefined) return rates;
  return [
    of('cpu', instance.cpu_percent, cpuLimit, 100),
    of('memory', instance.memory_mb, limits.memory_mb, machine),
    of('disk', flow.disk, undefined, most.disk),
    of('network', flow.network, undefined, most.network),
    ...rates,
  ];
}

/** The worst of them. */
export function worst(figures: LiveFigure[]): Nearness {
  if (figures.some((figure) => figure.nearness === 'alarmed')) return 'alarmed';
  return figures.some((figure) => figure.nearness === 'warned') ? 'warned' : 'fine';
}
