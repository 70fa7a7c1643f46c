// What the start page asks in one answer.
import { call } from './http';
import type { ErrorCause, Page, Status } from './types';

/** What is wrong in a file of the configuration; what was right before is in force. */
export interface Finding {
  severity: 'error' | 'warning';
  file: string;
  line?: number;
  key: string;
  message: string;
  hint?: string;
}

export interface FailingRoute {
  id: string;
  errors: number;
  matched: number;
  last_error?: string;
}

export interface Summary extends Status {
  version: string;
  uptime_s: number;
  datapoints: number;
  routes: number;
  faults: Finding[];
  daemon: { cpu_percent?: number; memory_mb?: number };
  /** Not resolved, the last seen first. */
  open_errors: Page<ErrorCause>;
  failing_routes: { items: FailingRoute[]; count: number };
}

export const getSummary = () => call<Summary>('GET', '/api/system/summary');
