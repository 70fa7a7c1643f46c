// The connection behind an instance, for its limits and what is expected of it.
import { call } from './http';
import type { Limits } from './types';

/** What is expected of an instance, and what happens when it fails. What is left out is as usual. */
export interface Health {
  auto_restart?: boolean;
  missed_heartbeats?: number;
  interval_seconds?: number;
  frozen_after_seconds?: number;
}

/** A connection as configured; keys that this page does not know are kept and sent back. */
export interface ConnectionEntry {
  id: string;
  limits?: Limits;
  health?: Health;
  etag: string;
  [key: string]: unknown;
}

const path = (id: string) => `/api/connections/${encodeURIComponent(id)}`;

export const getConnectionEntry = (id: string) => call<ConnectionEntry>('GET', path(id));

/** Fails with 409 or 412 if somebody changed it since `entry` was read. */
export const putConnectionEntry = ({ etag, ...entry }: ConnectionEntry) =>
  call<ConnectionEntry>('PUT', path(entry.id), { body: entry, ifMatch: etag });
