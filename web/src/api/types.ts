// The shapes of the HTTP interface, as the daemon's OpenAPI document has them. Times are milliseconds since 1970, UTC.

/** A value that plain JSON would lose something of: large integers, NaN, bytes, a JSON document inside of a value. */
export interface TaggedValue {
  t: 'i64' | 'u64' | 'f64' | 'bytes' | 'json';
  v: string;
}

export type Value = null | boolean | number | string | TaggedValue;

export type Quality = 'good' | 'uncertain' | 'bad';

/** What changes of a datapoint. */
export interface PointUpdate {
  address: string;
  value: Value;
  quality: Quality;
  /** `stale`, `not_connected`, …; empty where the quality says it all. */
  reason: string;
  /** The cause in words, as the driver tells it. */
  note?: string;
  source_ms: number;
  receive_ms: number;
}

export interface PointInfo extends PointUpdate {
  instance: string;
  tag: string;
  name?: string;
  unit?: string;
  /** IEC 61131-3 name, for example `LREAL`. */
  type?: string;
  writable: boolean;
}

export interface Page<T> {
  items: T[];
  /** What to send as `after` (or `before`) for more; absent at the end. */
  next?: string | number;
}

export interface PointPage extends Page<PointInfo> {
  /** Missing where counting would take long. */
  total?: number;
}

/** Times are milliseconds since 1970, UTC. */
export interface Alarm {
  address: string;
  name?: string;
  severity: 'info' | 'warning' | 'critical';
  state: 'active' | 'acknowledged' | 'cleared' | 'normal';
  flaps: boolean;
  source_lost: boolean;
  activated_ms?: number;
  cleared_ms?: number;
  acknowledged_ms?: number;
  by?: string;
  comment?: string;
}

export interface AlarmPage extends Page<Alarm> {
  active_count: number;
  unacknowledged_count: number;
}

export interface AlarmEvent {
  id: number;
  address: string;
  event: 'activated' | 'cleared' | 'acknowledged';
  time_ms: number;
  by?: string;
  comment?: string;
}

export interface Status {
  /** What a box does not have, or does not tell, is missing. */
  box: {
    cpu_percent?: number;
    memory_mb?: number;
    memory_total_mb?: number;
    temperatures: Record<string, number>;
    disks: { name: 'config' | 'state'; free_mb: number; size_mb: number; state: 'ok' | 'low' | 'full' }[];
  };
  /** Why something cannot be written to disk now. */
  troubles: string[];
}

/** Figures of a time, in columns; null where one could not be measured. */
export interface Metrics {
  step_s: number;
  times_ms: number[];
  figures: Record<string, { unit: string; min: (number | null)[]; avg: (number | null)[]; max: (number | null)[] }>;
}

export interface BrowseNode {
  name: string;
  path: string;
  tag?: string;
  type?: string;
  unit?: string;
  comment?: string;
  children: boolean;
  value?: PointInfo;
}

export type Outcome = 'confirmed' | 'rejected' | 'expired' | 'superseded' | 'pending';

export interface WriteAnswer {
  command: string | number;
  outcome: Outcome;
  reason?: string;
}

export interface Instance {
  id: string;
  name: string;
  driver: string;
  enabled: boolean;
  state: string;
  /** What is wrong where its plugin says that all is well: `no_beat`, `deaf`, `spinning`, `owing`, `silent` or `frozen`. */
  ill?: string;
  /** The cause of the state, in words. */
  text: string;
  hint?: string;
  pid?: number;
  since_ms: number;
  uptime_s?: number;
  restarts: number;
  errors: number;
  last_error?: string;
  samples_in: number;
  samples_out: number;
  /** Samples per second from the device. */
  rate_in: number;
  /** Samples per second to the device. */
  rate_out: number;
  datapoints: number;
  capabilities: string[];
  /** What keeps it within its limits; not there where it has no process of its own. */
  guard?: Guard;
  /** In per cent of one core. */
  cpu_percent?: number;
  memory_mb?: number;
  /** In per cent of the machine's memory. */
  memory_percent?: number;
  memory_pss_mb?: number;
  disk_io_read_mb?: number;
  disk_io_write_mb?: number;
  network_packets_sent?: number;
  network_packets_recv?: number;
  network_bytes_sent?: number;
  network_bytes_recv?: number;
  /** What the figures of the network leave out. */
  network_note?: string;
  processes?: number;
  threads?: number;
  open_files?: number;
  throttled_percent?: number;
  cycles?: { count: number; exceeded: number; min_ms: number; avg_ms: number; max_ms: number };
  /** Cut from the router by hand. */
  detached: boolean;
  /** Samples and deliveries that were not let through since then. */
  held_back: number;
}

export const priorities = ['high', 'normal', 'low', 'idle'] as const;

export interface Limits {
  memory_mb?: number;
  /** Share of one core. */
  max_cpu_share?: number;
  /** Samples a second. */
  max_pps?: number;
  /** Processes and threads together. */
  processes?: number;
  /** Descriptors of each process. */
  open_files?: number;
  /** What its folder may hold. */
  disk_mb?: number;
  priority?: (typeof priorities)[number];
}

export interface Guard {
  limits: Limits;
  /** Samples a second that are in force. */
  max_pps: number;
  memory: 'fine' | 'warned' | 'throttled' | 'over';
  spam: 'fine' | 'coalescing' | 'sampling' | 'suspended';
  /** Samples that did not pass. */
  memory_kills: number;
  shed: number;
  cpu_by?: string;
  memory_by?: string;
  /** What holds its program in; empty while there is no process. */
  walls?: Wall[];
  evidence?: SpamEvidence;
}

/** One item of what holds a program in. */
export interface Wall {
  what: string;
  state: 'enforced' | 'unavailable' | 'untested' | 'open';
  by?: string;
  /** The limit, or why it is not held. */
  note?: string;
}

/** What the spam breaker saw. */
export interface SpamEvidence {
  at_ms: number;
  /** Samples a second. */
  rate: number;
  max_pps: number;
  /** Samples in each second, the newest last. */
  series: number[];
  top: { tag: string; count: number }[];
}

export type InstanceAction = 'start' | 'stop' | 'restart' | 'kill' | 'reactivate' | 'attach' | 'detach';

/** A pulse that has not ended. */
export interface Pulse {
  address: string;
  end: Value;
  due_ms: number;
  state: 'running' | 'owed';
  tries: number;
  reason?: string;
}

export interface SafeWrite {
  address: string;
  value: Value;
  cause: 'pulse' | 'on_panic';
  outcome: 'confirmed' | 'not_reached' | 'would_be_written';
  reason?: string;
}

/** One step out of a panic; without an instance it is the router, the last one. */
export interface RearmStep {
  instance?: string;
  name: string;
  done: boolean;
  ends: Pulse[];
  /** Values that wait on disk. */
  waiting: number;
  routes: number;
}

export interface Panic {
  state: 'armed' | 'resetting' | 'latched' | 'rearming' | 'drill';
  number: number;
  since_ms: number;
  by: string;
  written: SafeWrite[];
  owed: Pulse[];
  fault?: string;
  steps: RearmStep[];
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

export interface LogEntry {
  id: number;
  time_ms: number;
  level: LogLevel;
  instance: string;
  message: string;
  fields?: Record<string, unknown>;
}

/** Which lines of the log are followed. */
export interface LogWish {
  instance?: string;
  level?: LogLevel;
  search?: string;
}

/** What failed for one cause. */
export interface ErrorCause {
  id: number;
  fingerprint: string;
  kind: string;
  title: string;
  place: string;
  /** Empty for the daemon itself. */
  instance: string;
  driver: string;
  count: number;
  first_ms: number;
  last_ms: number;
  resolved_ms?: number;
  resolved_by?: string;
}

/** One failure in full. */
export interface ErrorEvent {
  id: string;
  time_ms: number;
  kind: string;
  class: string;
  message: string;
  hint?: string;
  instance?: string;
  driver?: string;
  driver_version?: string;
  version: string;
  place?: string;
  frames: { function: string; at?: string }[];
  stack?: string;
  inputs: { time_ms: number; from_plugin: boolean; text: string }[];
  log: string[];
  config?: unknown;
}

export interface ErrorDetail extends ErrorCause {
  /** Newest first. */
  occurrences: ErrorEvent[];
}

export type TrailKind = 'house' | 'values';

/** Who did what. */
export interface AuditRow {
  id: number;
  trail: TrailKind;
  seq: number;
  time_ms: number;
  /** Empty for somebody unknown. */
  by: string;
  action: string;
  /** What the action is in words; empty for those of the daemon's own. */
  summary: string;
  target: string;
  outcome: string;
  detail: string;
  hash: string;
}

export interface AuditVerdict {
  whole: boolean;
  rows: number;
  deleted: number;
  broken: { trail: TrailKind; seq: number; why: string }[];
}

export interface RouteStats {
  matched: number;
  passed: number;
  dropped: number;
  dropped_by_condition: number;
  dropped_by_quality: number;
  dropped_by_priority: number;
  dropped_by_loop: number;
  held: number;
  errors: number;
  latency?: { count: number; mean_ms: number; p99_ms: number; max_ms: number };
  last_error?: string;
  /** Missing until it took a sample since it was last changed. */
  last_run_ms?: number;
  /** `passed`, `condition`, … */
  last_outcome?: string;
}

/** A route as `routing.json` has it. Keys that this page does not know are kept and sent back. */
export interface RouteSpec {
  id: string;
  from: unknown;
  to: unknown;
  condition?: string;
  transform?: string;
  enabled?: boolean;
  description?: string;
  [key: string]: unknown;
}

export interface RouteItem extends RouteSpec {
  stats?: RouteStats;
  etag: string;
}

export type Role = 'viewer' | 'operator' | 'admin';

export interface User {
  name: string;
  role: Role;
}

/** A frame from `GET /api/live`. */
export interface ServerMessage {
  snapshot?: PointInfo[];
  delta?: PointUpdate[];
  instances?: Instance[];
  logs?: { lines: LogEntry[]; gap: boolean };
  error?: { detail: string; hint?: string };
}

/** A frame to `GET /api/live`. */
export type ClientMessage =
  | { subscribe: string[] }
  | { unsubscribe: string[] }
  | { watch: 'instances'[] }
  | { unwatch: 'instances'[] }
  | { follow_logs: LogWish | null };
