import { afterEach, expect, test, vi } from 'vitest';
import { call, listen, Problem, query } from '../src/api/http';

afterEach(() => vi.unstubAllGlobals());

/** Answers every request with `response`; returns what was asked. */
function answer(status: number, body: string, headers: Record<string, string> = {}) {
  const fetched = vi.fn(async (_path: string, _init: RequestInit) => new Response(status === 204 ? null : body, { status, headers }));
  vi.stubGlobal('fetch', fetched);
  return () => {
    const [path, init] = fetched.mock.calls[0] ?? [];
    return { path, headers: init?.headers as Record<string, string>, body: init?.body };
  };
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const cause = await promise.catch((cause: unknown) => cause);
  expect(cause).toBeInstanceOf(Problem);
  return cause as Problem;
}

test('a request that changes something carries the header that other sites cannot send', async () => {
  const asked = answer(204, '');
  await call('POST', '/api/logout');
  expect(asked().headers['X-Fieldrail']).toBe('1');
});

test('a request that reads does not', async () => {
  const asked = answer(200, '{}');
  await call('GET', '/api/me');
  expect(asked().headers).not.toHaveProperty('X-Fieldrail');
});

test.each([
  ['a1', '"a1"'],
  ['"a1"', '"a1"'],
  ['W/"a1"', 'W/"a1"'],
])('the etag %s is sent as %s', async (etag, header) => {
  const asked = answer(200, '{}');
  await call('PUT', '/api/router/routes/x', { body: {}, ifMatch: etag });
  expect(asked().headers['If-Match']).toBe(header);
});

test('a problem document becomes a problem', async () => {
  const body = JSON.stringify({ title: 'Conflict', status: 409, detail: 'bt.x is not running', hint: 'start it' });
  answer(409, body, { 'content-type': 'application/problem+json' });
  const problem = await problemOf(call('GET', '/api/browse'));
  expect(problem).toMatchObject({ status: 409, title: 'Conflict', detail: 'bt.x is not running', hint: 'start it' });
});

test('the answer of a proxy that is no problem document is a problem too', async () => {
  answer(502, '<html>bad gateway</html>');
  expect(await problemOf(call('GET', '/api/me'))).toMatchObject({ status: 502, detail: '' });
});

test('too many requests say how long to wait', async () => {
  answer(429, '{}', { 'retry-after': '30' });
  expect(await problemOf(call('POST', '/api/login', { body: {} }))).toMatchObject({ status: 429, retryAfterS: 30 });
});

test('a daemon that is not there is status 0', async () => {
  vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('failed to fetch')));
  expect(await problemOf(call('GET', '/api/me'))).toMatchObject({ status: 0 });
});

test('who gives up gets no problem', async () => {
  const abort = new AbortController();
  vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => {
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  });
  const answered = call('GET', '/api/datapoints', { signal: abort.signal }).catch((cause: Error) => cause.name);
  abort.abort();
  expect(await answered).toBe('AbortError');
});

test('an ended session and the clock of the daemon are told to those who listen', async () => {
  const heard: unknown[] = [];
  listen({ unauthorised: () => heard.push('unauthorised'), date: (date) => heard.push(date.getTime()) });
  answer(401, '{}', { date: 'Thu, 01 Jan 1970 00:00:05 GMT' });
  await problemOf(call('GET', '/api/me'));
  expect(heard).toEqual([5_000, 'unauthorised']);
});

test('an address travels in the query, whatever it holds', () => {
  expect(query({ address: 'mqtt.b./a b&c=../#', limit: 5, search: '', after: undefined })).toBe(
    '?address=mqtt.b.%2Fa+b%26c%3D..%2F%23&limit=5',
  );
});
