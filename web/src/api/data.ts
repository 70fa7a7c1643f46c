// The end points of the data page: trees, searches, the last values, pulses, explanations, and what drivers can be asked to do.
import { call, query } from './http';
import type { BrowseNode, Page, PointInfo, PointUpdate, Quality, Value, WriteAnswer } from './types';

/** A node of an instance's tree, with what a device tells of it. */
export interface TreeNode extends BrowseNode {
  /** Where it lies in the device, for example `0x4020:0x6`. */
  location?: string;
  /** Bytes it takes there. */
  size?: number;
  /** Where its description comes from: the device, a file. */
  source?: string;
  /** Missing where the device does not say. */
  writable?: boolean;
  /** The full address as the data space spells it, if it is a value. */
  address?: string;
}

export const kinds = ['bool', 'int', 'float', 'text', 'other'] as const;
export type Kind = (typeof kinds)[number];

/** What a list or a search is narrowed to; empty is everything. */
export interface Narrow {
  search: string;
  kind: Kind | '';
  quality: Quality | '';
}

interface PageWish {
  after?: string | number | undefined;
  limit: number;
}

export const browseNodes = (instance: string, path: string, page: PageWish, signal?: AbortSignal) =>
  call<Page<TreeNode>>('GET', `/api/browse${query({ instance, path, ...page })}`, signal && { signal });

/** `known`: only what the data space knows, so that no device is asked. */
export const findNodes = (instance: string, narrow: Narrow, known: boolean, page: PageWish, signal?: AbortSignal) =>
  call<Page<TreeNode>>(
    'GET',
    `/api/browse/search${query({ instance, ...narrow, known: known ? 'true' : undefined, ...page })}`,
    signal && { signal },
  );

export interface History {
  address: string;
  /** How many values are kept at the most. */
  most: number;
  /** The oldest first. */
  items: Omit<PointUpdate, 'address'>[];
}

export const getHistory = (address: string, signal?: AbortSignal) =>
  call<History>('GET', `/api/datapoint/history${query({ address })}`, signal && { signal });

/** Asks the device now. */
export const readPoint = (address: string) => call<PointInfo>('GET', `/api/datapoint${query({ address, read: 'true' })}`);

export const pulsePoint = (address: string, value: Value, duration_ms: number) =>
  call<WriteAnswer>('POST', '/api/datapoint/pulse', { body: { address, value, duration_ms } });

export interface ExplainedValue {
  value: Value;
  quality: string;
  note?: string;
  time_ms: number;
  origin?: string;
}

export interface ExplainedWriter {
  route: string;
  won: boolean;
  source: string;
  sample?: ExplainedValue | null;
  because: string;
  condition?: string;
  steps: { step: string; value: Value | undefined }[];
  last_error?: string;
}

/** Why a datapoint has its value. */
export interface Explanation {
  address: string;
  sample?: ExplainedValue | null;
  sent?: ExplainedValue | null;
  because: string;
  writers: ExplainedWriter[];
  readers: string[];
}

export const getExplanation = (address: string, signal?: AbortSignal) =>
  call<Explanation>('GET', `/api/router/explain${query({ address })}`, signal && { signal });

/** One thing that a driver can be asked to do. */
export interface Action {
  name: string;
  description: string;
  /** JSON schema of what it takes. */
  arguments?: { properties?: Record<string, unknown>; 'x-accept'?: string } | null;
}

interface Plugin {
  name: string;
  capabilities: { actions?: Action[] };
}

export const getPlugins = () => call<Page<Plugin>>('GET', '/api/plugins');

/** A driver may take two minutes for an action, to read a large file for example. */
export const ACTION_MS = 150_000;

export const callAction = <T>(instance: string, action: string, body: unknown, signal?: AbortSignal) =>
  call<T>('POST', `/api/connections/${encodeURIComponent(instance)}/call/${encodeURIComponent(action)}`, {
    body,
    timeoutMs: ACTION_MS,
    ...(signal && { signal }),
  });
