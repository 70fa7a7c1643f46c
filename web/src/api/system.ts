// Users, tokens, files of the configuration, certificates, and what Fieldrail is made of.
import { call, query } from './http';
import type { Page, Role } from './types';

export interface UserItem {
  name: string;
  role: Role;
  created_ms: number;
  etag: string;
  /** How many browsers are logged in. */
  sessions: number;
}

export interface MqttAccess {
  publish: string[];
  subscribe: string[];
}

export interface Scope {
  addresses: string[];
  writes_per_second: number | null;
  mqtt: MqttAccess | null;
}

export interface Token {
  id: string;
  name: string;
  role: Role;
  scope: Scope;
  created_ms: number;
}

export interface FreshToken {
  id: string;
  name: string;
  secret: string;
}

/** What is wrong with a file, and where. */
export interface Fault {
  file: string;
  line?: number;
  column?: number;
  key: string;
  message: string;
  hint?: string;
}

export interface ConfigFile {
  name: string;
  /** Bytes on disk; none if it is gone. */
  size?: number;
  changed_ms?: number;
  /** The content in force. */
  etag: string;
  fault?: Fault;
}

export interface Version {
  id: number;
  time_ms: number;
  who: string;
  size: number;
  etag: string;
}

export interface Https {
  listen: string;
  certificate?: string;
  key?: string;
  redirect?: boolean;
}

export interface Certificate {
  /** What the configuration asks for; none if HTTPS is off. */
  https?: Https;
  etag: string;
  /** Where the daemon listens for HTTPS now. */
  serving?: string;
  source?: 'self_signed' | 'uploaded' | 'files';
  subject?: string;
  names: string[];
  from_ms?: number;
  until_ms?: number;
  fingerprint?: string;
  fault?: Fault;
}

export interface Part {
  name: string;
  version: string;
  licence: string;
  from: 'rust' | 'npm';
}

/** What the page about the program reads of the status. */
export interface About {
  version: string;
  build: string;
  host: string;
  kernel: string;
  cores: number;
  uptime_s: number;
  listen: string;
  datapoints: number;
  routes: number;
  plugins: number;
}

const name = encodeURIComponent;

export const changeOwnPassword = (current: string, next: string) =>
  call<unknown>('POST', '/api/me/password', { body: { current, new: next } });

export const getUsers = () => call<Page<UserItem>>('GET', '/api/admin/users');
export const addUser = (user: { name: string; password: string; role: Role }) =>
  call<UserItem>('POST', '/api/admin/users', { body: user });
export const changeUser = (user: UserItem, change: { role?: Role; password?: string }) =>
  call<UserItem>('PUT', `/api/admin/users/${name(user.name)}`, { body: change, ifMatch: user.etag });
export const removeUser = (user: UserItem) =>
  call<void>('DELETE', `/api/admin/users/${name(user.name)}`, { ifMatch: user.etag });
export const endSessions = (user: UserItem) => call<void>('DELETE', `/api/admin/users/${name(user.name)}/sessions`);

export const getTokens = () => call<Page<Token>>('GET', '/api/admin/tokens');
export const addToken = (token: { name: string; role: Role; scope: Scope }) =>
  call<FreshToken>('POST', '/api/admin/tokens', { body: token });
export const removeToken = (token: Token) => call<void>('DELETE', `/api/admin/tokens/${name(token.id)}`);

export const getFiles = () => call<Page<ConfigFile>>('GET', '/api/admin/files');
export const getVersions = (file: string, before?: string) =>
  call<Page<Version>>('GET', `/api/admin/files/${name(file)}/versions${query({ before })}`);
export const getVersion = (file: string, id: number) =>
  call<Version & { text: string }>('GET', `/api/admin/files/${name(file)}/versions/${id}`);
export const restoreVersion = (file: ConfigFile, id: number) =>
  call<ConfigFile>('POST', `/api/admin/files/${name(file.name)}/versions/${id}/restore`, { ifMatch: file.etag });
/** Where the whole configuration is saved as one archive. */
export const BACKUP = '/api/admin/backup';

export const getCertificate = () => call<Certificate>('GET', '/api/admin/certificate');
export const putCertificate = (certificate: string, key: string) =>
  call<Certificate>('PUT', '/api/admin/certificate', { body: { certificate, key } });
export const signCertificate = () => call<Certificate>('POST', '/api/admin/certificate/self-signed');
export const putHttps = (wish: { listen: string | null; redirect: boolean }, ifMatch: string) =>
  call<Certificate>('PUT', '/api/admin/https', { body: wish, ifMatch });

export const getAbout = () => call<About>('GET', '/api/system/status');
export const getLicences = () => call<Page<Part>>('GET', '/api/system/licences');
export const restartDaemon = () => call<void>('POST', '/api/system/restart');
