// Each end point that the pages use, as one function.
import { call, query } from './http';
import type {
  AlarmEvent,
  AlarmPage,
  AuditRow,
  AuditVerdict,
  ErrorCause,
  ErrorDetail,
  Instance,
  InstanceAction,
  Limits,
  LogEntry,
  LogLevel,
  LogWish,
  Metrics,
  Page,
  Panic,
  PointInfo,
  PointPage,
  RouteItem,
  RouteSpec,
  Status,
  User,
  Value,
  WriteAnswer,
} from './types';

/** How long the daemon may wait for a device to confirm a write, before it answers `pending`. */
const WRITE_WAIT_MS = 5_000;

export const getSetup = () => call<{ open: boolean }>('GET', '/api/setup');
export const postSetup = (body: { code: string; name: string; password: string }) =>
  call<User>('POST', '/api/setup', { body });
export const login = (body: { name: string; password: string } | { once: string }) =>
  call<User>('POST', '/api/login', { body });
export const logout = () => call<void>('POST', '/api/logout');
export const getMe = () => call<User>('GET', '/api/me');

export interface PointFilter {
  search?: string;
  instance?: string;
  kind?: string;
  quality?: string;
  limit?: number;
  after?: string | number | undefined;
}

export const getPoints = (filter: PointFilter, signal?: AbortSignal) =>
  call<PointPage>('GET', `/api/datapoints${query({ ...filter })}`, signal && { signal });
export const getPoint = (address: string, signal?: AbortSignal) =>
  call<PointInfo>('GET', `/api/datapoint${query({ address })}`, signal && { signal });
export const writePoint = (address: string, value: Value) =>
  call<WriteAnswer>('POST', '/api/datapoint/write', { body: { address, value, wait_ms: WRITE_WAIT_MS } });
export const getInstances = () => call<Page<Instance>>('GET', '/api/admin/instances');
export const actOnInstance = (id: string, action: InstanceAction) => {
  const name = encodeURIComponent(id);
  if (action === 'attach') return call<Instance>('POST', `/api/connections/${name}/connect`);
  if (action === 'detach') return call<Instance>('POST', `/api/connections/${name}/disconnect`);
  return call<Instance>('POST', `/api/admin/instances/${name}/${action}`);
};

/** The most that the page shows; there is one daemon-side page of so many. */
const MOST_ALARMS = 500;
export const getAlarms = () => call<AlarmPage>('GET', `/api/alarms${query({ limit: MOST_ALARMS })}`);
export const getAlarmEvents = (page: { limit: number; before?: string | number | undefined }) =>
  call<Page<AlarmEvent>>('GET', `/api/alarms/events${query({ ...page })}`);
export const postAcknowledge = (addresses: string[], comment: string) =>
  call<unknown>('POST', '/api/alarms/acknowledge', { body: { addresses, comment: comment || null } });

export const getStatus = () => call<Status>('GET', '/api/system/status');

/** The last hour of an instance. */
export const getMetrics = (id: string, points: number) =>
  call<Metrics>('GET', `/api/admin/instances/${encodeURIComponent(id)}/metrics${query({ points })}`);

export const getPanic = () => call<Panic>('GET', '/api/admin/panic');
export const postPanic = (drill: boolean) => call<Panic>('POST', '/api/admin/panic', { body: { drill } });
/** Takes one step out of the panic with this number; without an instance the last one, the router. */
export const postRearm = (number: number, instance?: string) =>
  call<Panic>('POST', '/api/admin/panic/rearm', { body: { number, instance: instance ?? null } });

export const setLimits = (id: string, limits: Limits) =>
  call<Instance>('POST', `/api/admin/instances/${encodeURIComponent(id)}/limits`, { body: limits });

export interface LogFilter {
  instance: string;
  /** This level and worse. */
  level?: LogLevel | undefined;
  limit: number;
  before?: string | number | undefined;
}

export const getLogs = (filter: LogFilter) => call<Page<LogEntry>>('GET', `/api/logs${query({ ...filter })}`);

/** Where the log can be saved as a file. */
export const logExportPath = (format: 'json' | 'csv', wish: LogWish) =>
  `/api/logs/export${query({ format, ...wish })}`;

export interface ErrorFilter {
  resolved?: boolean | undefined;
  search?: string;
  after?: string | undefined;
}

export const getErrors = ({ resolved, ...filter }: ErrorFilter) =>
  call<Page<ErrorCause>>('GET', `/api/errors${query({ resolved: resolved?.toString(), ...filter })}`);
export const getError = (id: number) => call<ErrorDetail>('GET', `/api/errors/${id}`);
export const resolveError = (id: number) => call<ErrorCause>('POST', `/api/errors/${id}/resolve`);
export const removeError = (id: number) => call<void>('DELETE', `/api/errors/${id}`);

export interface AuditFilter {
  trail?: string | undefined;
  search?: string;
  before?: string | undefined;
}

export const getAudit = (filter: AuditFilter) => call<Page<AuditRow>>('GET', `/api/audit${query({ ...filter })}`);
export const verifyAudit = () => call<AuditVerdict>('GET', '/api/audit/verify');

export const getRoutes = () => call<Page<RouteItem>>('GET', '/api/router/routes');
export const putRoute = (spec: RouteSpec, ifMatch: string) =>
  call<unknown>('PUT', `/api/router/routes/${encodeURIComponent(spec.id)}`, { body: spec, ifMatch });

/** Fails unless the daemon answers; needs no session. */
export const getHealth = () => call<{ status: string }>('GET', '/healthz');
