// Secrets apart from the configurations that use them, and a saved configuration that comes back.
import { call, query } from './http';
import type { Page } from './types';

/** Something that refers to a secret. */
export interface SecretUse {
  file: string;
  connection?: string;
  /** What people call the connection. */
  name?: string;
  key: string;
}

/** A secret without what it says. */
export interface Secret {
  name: string;
  /** Whether there is one; else it is only referred to. */
  set: boolean;
  etag: string;
  used_by: SecretUse[];
}

export const getSecrets = () => call<Page<Secret>>('GET', '/api/admin/secrets');
export const addSecret = (name: string, value: string) =>
  call<Secret>('POST', '/api/admin/secrets', { body: { name, value } });
export const putSecret = ({ name, etag }: Secret, value: string) =>
  call<Secret>('PUT', `/api/admin/secrets/${encodeURIComponent(name)}`, { body: { value }, ifMatch: etag });
/** One in use only goes when `anyway` is said. */
export const removeSecret = ({ name, etag }: Secret, anyway: boolean) =>
  call<void>('DELETE', `/api/admin/secrets/${encodeURIComponent(name)}${query({ anyway: anyway ? 'true' : undefined })}`, {
    ifMatch: etag,
  });

/** One file of a configuration that comes back. */
export interface RestoredFile {
  name: string;
  differs: boolean;
  /** With masks in the place of secrets; none if it differs not or is very long. */
  before?: string;
  after?: string;
}

/** A secret that is only a mask in the archive and is not stored here. */
export interface MissingSecret {
  /** Empty for `fieldrail.json`. */
  connection: string;
  key: string;
}

export interface Restored {
  applied: boolean;
  etag: string;
  files: RestoredFile[];
  missing: MissingSecret[];
}

/** Packing, checking and starting instances anew takes a while on a small box. */
const RESTORE_MS = 120_000;

export const askRestore = (archive: string) =>
  call<Restored>('POST', '/api/admin/backup', { body: { archive, dry_run: true }, timeoutMs: RESTORE_MS });
export const restoreBackup = (archive: string, secrets: (MissingSecret & { value: string })[], ifMatch: string) =>
  call<Restored>('POST', '/api/admin/backup', { body: { archive, secrets }, ifMatch, timeoutMs: RESTORE_MS });
