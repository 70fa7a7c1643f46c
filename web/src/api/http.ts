// One request to the daemon and its answer or its problem. Nothing here knows what is asked.

/** A request that takes longer has failed. */
const TIMEOUT_MS = 15_000;

/** Where something is wrong: in a file or in what was sent. Lines and columns count from 1. */
export interface At {
  file?: string;
  line?: number;
  column?: number;
  /** A key path such as `config.port`. */
  key?: string;
}

/** Why a request failed: a problem document of the daemon, or `status` 0 when none came. */
export class Problem extends Error {
  constructor(
    /** HTTP status; 0 when the daemon was not reached. */
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly hint = '',
    /** Seconds to wait before the next try, if the daemon named them. */
    readonly retryAfterS = 0,
    readonly at: At = {},
  ) {
    super(detail || title);
  }
}

export interface Request {
  body?: unknown;
  /** The ETag of what is changed. */
  ifMatch?: string;
  signal?: AbortSignal;
  /** Where a device is asked, that takes longer than a daemon. */
  timeoutMs?: number;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

const listeners = { date: (_: Date) => {}, unauthorised: () => {} };

/** Calls `date` with the daemon's clock on each answer, and `unauthorised` when it no longer knows the session. */
export function listen(to: Partial<typeof listeners>): void {
  Object.assign(listeners, to);
}

/**
 * Sends one request and returns the parsed answer.
 *
 * Throws a {@link Problem}; throws the signal's `AbortError` when the caller gave up.
 */
export async function call<T>(method: Method, path: string, request: Request = {}): Promise<T> {
  const response = await send(method, path, request);
  const date = response.headers.get('date');
  if (date) listeners.date(new Date(date));
  if (response.ok) return response.status === 204 ? (undefined as T) : await readJson<T>(response);
  const problem = await readProblem(response);
  if (problem.status === 401) listeners.unauthorised();
  throw problem;
}

async function send(method: Method, path: string, { body, ifMatch, signal, timeoutMs }: Request): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-Fieldrail'] = '1';
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (ifMatch) headers['If-Match'] = /^(W\/)?"/.test(ifMatch) ? ifMatch : `"${ifMatch}"`;
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs ?? TIMEOUT_MS);
  const giveUp = () => timeout.abort();
  signal?.addEventListener('abort', giveUp);
  try {
    return await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: timeout.signal,
      cache: 'no-store',
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Problem(0, '', '');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}

async function readJson<T>(response: Response): Promise<T> {
  const text = await response.text().catch(() => {
    throw new Problem(0, '', '');
  });
  if (!text) return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new Problem(response.status, 'Unreadable answer', 'The answer is no JSON.');
  }
}

/** The problem in an answer; a proxy between may have sent something else than a problem document. */
async function readProblem(response: Response): Promise<Problem> {
  const retryAfterS = Number(response.headers.get('retry-after')) || 0;
  const document: Record<string, unknown> = await response.json().catch(() => ({}));
  const text = (key: string) => (typeof document[key] === 'string' ? document[key] : '');
  const title = text('title') || response.statusText;
  const at = (typeof document['at'] === 'object' && document['at']) || {};
  return new Problem(response.status, title, text('detail'), text('hint'), retryAfterS, at);
}

/** `?a=1&b=2` of what is set; empty when nothing is. */
export function query(parameters: Record<string, string | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text && `?${text}`;
}

/** Any thrown thing as a {@link Problem}. */
export function asProblem(cause: unknown): Problem {
  return cause instanceof Problem ? cause : new Problem(-1, 'Error', String(cause));
}

/** Whether the caller itself gave up. */
export function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'AbortError';
}
