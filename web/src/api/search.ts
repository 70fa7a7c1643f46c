// The search over the house.
import { call, query } from './http';
import type { Alarm } from './types';

export interface FoundPoint {
  address: string;
  name?: string;
}

export interface FoundInstance {
  id: string;
  name: string;
  driver: string;
  state: string;
}

export interface FoundRoute {
  id: string;
  description?: string;
}

export type FoundAlarm = Pick<Alarm, 'address' | 'name' | 'severity' | 'state'>;

/** The best of each kind first. */
export interface Found {
  datapoints: FoundPoint[];
  /** How many fit in all. */
  datapoints_count: number;
  instances: FoundInstance[];
  routes: FoundRoute[];
  alarms: FoundAlarm[];
}

/** A node of a device's tree; it need not be a datapoint yet. */
export interface FoundNode {
  instance: string;
  name: string;
  path: string;
  /** Only of a value. */
  address?: string;
  children: boolean;
  type?: string;
  comment?: string;
}

export interface DeviceFinds {
  nodes: FoundNode[];
  /** Instances that gave no answer, with why. */
  unanswered: { instance: string; why: string }[];
  more: boolean;
}

/** The daemon takes no longer text. */
export const MOST_CHARACTERS = 200;

export const searchHouse = (q: string, limit: number, signal: AbortSignal) =>
  call<Found>('GET', `/api/search${query({ q, limit })}`, { signal });
export const searchDevices = (q: string, limit: number, signal: AbortSignal) =>
  call<DeviceFinds>('GET', `/api/search/devices${query({ q, limit })}`, { signal });
/** Has the device say what this is now, so that it becomes a datapoint. */
export const readOnce = (address: string) =>
  call<unknown>('GET', `/api/datapoint${query({ address, read: 'true' })}`);
