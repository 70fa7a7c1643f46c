// What a driver that searches and pairs can be asked, and what it answers: docs/specs/plugin-protocol.md, section 16.
import { callAction } from './data';

/** The adapter of this machine through which devices are reached. */
export interface Adapter {
  id: string;
  address?: string | null;
  name?: string | null;
  powered?: boolean;
  searching?: boolean;
  /** The instances whose turn it is to hold a link. */
  held_by?: string[];
}

/** What a device seems to be. */
export interface Known {
  /** `battery` is asked over a link, `advertising` tells its values encrypted, `sensor` tells them to everybody. */
  class: string;
  kind: string;
  title: string;
  /** Nothing else that is known looks like that. */
  sure?: boolean;
}

/** The connection that reads a device. */
export interface Proposal {
  driver: string;
  config: Record<string, unknown>;
  /** Keys of the configuration that a person has to add. */
  needs?: string[];
}

export interface Device {
  address: string;
  name?: string | null;
  /** Loudness in dBm when it was heard last; a connected device is not heard. */
  rssi?: number | null;
  /** Seconds since then. */
  age_s?: number;
  random?: boolean;
  connected?: boolean;
  paired?: boolean;
  trusted?: boolean;
  services?: string[];
  /** Hexadecimal digits by the maker's number. */
  manufacturer?: Record<string, string>;
  service_data?: Record<string, string>;
  encrypted?: boolean;
  known?: Known | null;
  /** The beginning of its tags, if it has some. */
  tags?: string | null;
  /** What it tells, by name. */
  values?: Record<string, unknown>;
  connection?: Proposal | null;
}

export interface Scan {
  adapter?: Adapter | null;
  devices: Device[];
}

/** What a pairing wants next; `paired` ends it. */
export type Pairing =
  | { paired: true }
  | { asks: 'code'; digits?: boolean }
  | { asks: 'confirm'; number?: string | null }
  | { asks: 'show'; code: string }
  | { asks: 'elsewhere' };

export interface Look {
  took_ms?: number;
  services: { uuid?: string | null; characteristics: { uuid: string; can?: string[] }[] }[];
  /** Hexadecimal digits by characteristic. */
  read?: Record<string, string>;
}

/** Lists who is around, at once; the search goes on for a while. */
export const scan = (id: string) => callAction<Scan>(id, 'scan', { seconds: 0 });
export const pair = (id: string, address: string, answer: { code?: string; confirm?: boolean } = {}) =>
  callAction<Pairing>(id, 'pair', { address, ...answer });
export const trust = (id: string, address: string, trusted: boolean) => callAction(id, 'trust', { address, trusted });
export const forget = (id: string, address: string) => callAction(id, 'remove', { address });
export const look = (id: string, address: string) => callAction<Look>(id, 'connect', { address });
export const power = (id: string, on: boolean) => callAction(id, 'power', { on });
