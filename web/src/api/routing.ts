// The end points that the editor of routes uses.
import { call, query } from './http';
import type { BrowseNode, Page, PointUpdate, Quality, RouteItem, RouteSpec, Value } from './types';

/** One word of conditions and transforms. */
export interface Word {
  name: string;
  usage: string;
  help: string;
}

/** The words that the router knows. */
export interface Language {
  variables: Word[];
  functions: Word[];
  steps: Word[];
  placeholders: string[];
  max_bytes: number;
}

/** What is wrong with a route, or with another one because of it. */
export interface RouteFinding {
  severity: 'error' | 'warning';
  route?: string;
  key: string;
  message: string;
  hint?: string;
  /** In characters, not in units of UTF-16. */
  span?: { start: number; end: number };
}

export interface TriedStage {
  text: string;
  reached: boolean;
  held: boolean;
  value: Value;
  quality: Quality;
  reason: string;
  note?: string;
  after_ms: number;
  remembers: boolean;
  error?: string;
}

/** One moment of a test. */
export interface Moment {
  at_ms?: number;
  value: Value;
  quality?: string;
  address?: string;
}

export interface TriedTest {
  nth: number;
  holds: boolean;
  failure?: string;
  got: Moment[];
}

/** What a route would make of the values that there are. */
export interface Attempted {
  findings: RouteFinding[];
  sources: string[];
  more_sources: boolean;
  source?: PointUpdate;
  condition?: TriedStage;
  steps: TriedStage[];
  looked_up: PointUpdate[];
  targets: { address: string; gets: boolean; because?: string }[];
  tests: TriedTest[];
}

export interface Attempt {
  route: RouteSpec;
  instead_of?: string;
  source?: string;
  sample?: { value: Value; quality?: string };
}

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
  sample?: ExplainedValue;
  because: string;
  steps: { step: string; value?: Value }[];
  last_error?: string;
}

export interface Explanation {
  address: string;
  sample?: ExplainedValue;
  sent?: ExplainedValue;
  because: string;
  writers: ExplainedWriter[];
  readers: string[];
}

/** What is wrong with a file of the configuration. */
export interface FileFault {
  severity: 'error' | 'warning';
  file: string;
  line?: number;
  column?: number;
  key: string;
  message: string;
  hint?: string;
}

const path = (id: string) => `/api/router/routes/${encodeURIComponent(id)}`;

export const getLanguage = () => call<Language>('GET', '/api/router/language');
export const tryRoute = (attempt: Attempt, signal: AbortSignal) =>
  call<Attempted>('POST', '/api/router/try', { body: attempt, signal });
export const getRoute = (id: string) => call<RouteItem>('GET', path(id));
/** Adds a route, in front of another one or at the end; 409 if there is one of this name. */
export const addRoute = (spec: RouteSpec, before?: string) =>
  call<RouteItem>('POST', `/api/router/routes${query({ before })}`, { body: spec });
/** Changes a route that is there. */
export const changeRoute = (spec: RouteSpec, ifMatch: string) =>
  call<RouteItem>('PUT', path(spec.id), { body: spec, ifMatch });
export const removeRoute = (id: string, ifMatch: string) => call<void>('DELETE', path(id), { ifMatch });
export const explain = (address: string) => call<Explanation>('GET', `/api/router/explain${query({ address })}`);
export const getFaults = () => call<{ faults: FileFault[] }>('GET', '/api/system/status');
/** The children of a node of an instance's own tree whose names hold the text. */
export const browseFor = (instance: string, path: string, filter: string, signal: AbortSignal) =>
  call<Page<BrowseNode>>('GET', `/api/browse${query({ instance, path, filter, limit: 20 })}`, { signal });
