// What the form of limits and health has, from a connection and back into it. Pure.
import type { ConnectionEntry, Health } from '../../api/instances';
import type { Limits } from '../../api/types';

/** The number fields of the form; null is an empty one. */
export interface LimitsForm {
  memory_mb: number | null;
  cpu_percent: number | null;
  max_pps: number | null;
  processes: number | null;
  open_files: number | null;
  disk_mb: number | null;
  priority: NonNullable<Limits['priority']>;
  auto_restart: boolean;
  missed_heartbeats: number | null;
  interval_seconds: number | null;
  frozen_after_seconds: number | null;
}

export function formOf({ limits = {}, health = {} }: ConnectionEntry): LimitsForm {
  const { max_cpu_share: share } = limits;
  return {
    memory_mb: limits.memory_mb ?? null,
    // A share of 0.07 is no 7.000000000000001 per cent.
    cpu_percent: share === undefined ? null : Math.round(share * 10_000) / 100,
    max_pps: limits.max_pps ?? null,
    processes: limits.processes ?? null,
    open_files: limits.open_files ?? null,
    disk_mb: limits.disk_mb ?? null,
    priority: limits.priority ?? 'normal',
    auto_restart: health.auto_restart ?? true,
    missed_heartbeats: health.missed_heartbeats ?? null,
    interval_seconds: health.interval_seconds ?? null,
    frozen_after_seconds: health.frozen_after_seconds ?? null,
  };
}

/** Without the fields that are empty. */
function filled<T extends object>(fields: { [K in keyof T]: T[K] | null }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as T;
}

/** The connection with what was entered; all else as it was. */
export function withForm(entry: ConnectionEntry, form: LimitsForm): ConnectionEntry {
  const { memory_mb, max_pps, processes, open_files, disk_mb, priority, cpu_percent } = form;
  const max_cpu_share = cpu_percent === null ? null : cpu_percent / 100;
  const limits = filled<Limits>({ memory_mb, max_cpu_share, max_pps, processes, open_files, disk_mb, priority } as Limits);
  const { auto_restart, missed_heartbeats, interval_seconds, frozen_after_seconds } = form;
  const health = filled<Health>({ auto_restart, missed_heartbeats, interval_seconds, frozen_after_seconds } as Health);
  return { ...entry, limits, health };
}
