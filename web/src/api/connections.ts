// The end points about connections, and their shapes.
import { ACTION_MS } from './data';
import { call, query } from './http';
import type { Page, Status } from './types';

/** A connection as `connections.json` has it. Keys that these pages do not know are kept and sent back. */
export interface Connection {
  id: string;
  name?: string;
  driver: string;
  enabled: boolean;
  detached?: boolean;
  simulated?: boolean;
  config: unknown;
  health?: unknown;
  limits?: unknown;
  [key: string]: unknown;
}

export interface ConnectionEntry extends Connection {
  /** For `If-Match`. */
  etag: string;
}

export interface DriverAction {
  name: string;
  description: string;
  /** JSON schema. */
  arguments?: Record<string, unknown> | null;
}

/** What a driver says of itself. */
export interface Manifest {
  name: string;
  version: string;
  description: string;
  capabilities: { browse: boolean; read: boolean; write: boolean; simulation: boolean; actions: DriverAction[]; shows?: string[] };
  config_schema: Record<string, unknown> | null;
}

export interface TestResult {
  ok: boolean;
  text: string;
  hint?: string;
  took_ms: number;
  log: string[];
}

export interface Dependents {
  routes: { id: string; description?: string; enabled: boolean; places: string[]; by_pattern: boolean }[];
  route_count: number;
  datapoints: { address: string; name?: string; alarm: boolean; on_panic: boolean }[];
  datapoint_count: number;
  connections: { id: string; name: string }[];
}

/** What is wrong with a file of the configuration. */
export interface Finding {
  file: string;
  key?: string;
  message: string;
  hint?: string;
  line?: number;
  column?: number;
}

/** The daemon tries a connection for 12 s. */
const TEST_MS = 30_000;

const at = (id: string, rest = '') => `/api/connections/${encodeURIComponent(id)}${rest}`;

export const getConnections = () => call<Page<ConnectionEntry>>('GET', '/api/connections');
export const getConnection = (id: string) => call<ConnectionEntry>('GET', at(id));
/** Masks in a copy stand for the secrets of the connection that it was made of. */
export const addConnection = (body: Connection, secretsOf = '') =>
  call<ConnectionEntry>('POST', `/api/connections${query({ secrets_of: secretsOf })}`, { body });
export const putConnection = (body: Connection, ifMatch: string) =>
  call<ConnectionEntry>('PUT', at(body.id), { body, ifMatch });
export const removeConnection = (id: string, ifMatch: string) => call<void>('DELETE', at(id), { ifMatch });
export const bringBackConnection = (id: string) => call<ConnectionEntry>('POST', at(id, '/bring_back'));
export const getDependents = (id: string) => call<Dependents>('GET', at(id, '/dependents'));
export const testConnection = (body: Connection, secretsOf: string, signal: AbortSignal) =>
  call<TestResult>('POST', `/api/connections/test${query({ secrets_of: secretsOf })}`, { body, timeoutMs: TEST_MS, signal });
/** An action of a driver without an instance: it runs for as long as the action takes. */
export const tryAction = (connection: Connection, action: string, args: unknown, secretsOf: string, signal: AbortSignal) =>
  call<unknown>('POST', `/api/connections/test/call/${encodeURIComponent(action)}${query({ secrets_of: secretsOf })}`, {
    body: { connection, arguments: args },
    timeoutMs: ACTION_MS,
    signal,
  });
export const getDrivers = () => call<Page<Manifest>>('GET', '/api/plugins');
/** The daemon's own shapes, for the sections that every connection has. */
export const getSchemas = async () =>
  (await call<{ components: { schemas: Record<string, Record<string, unknown>> } }>('GET', '/api/openapi.json')).components
    .schemas;
/** What is wrong with the file of the connections on disk; while it is, nobody can change it here. */
export const getFileFault = async (): Promise<Finding | undefined> =>
  (await call<Status & { faults: Finding[] }>('GET', '/api/system/status')).faults.find(
    ({ file }) => file === 'connections.json',
  );
