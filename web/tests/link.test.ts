import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { backoffMs, FIRST_MS, LONGEST_MS } from '../src/live/backoff';
import { Link, SILENCE_MS, SLEEP_MS, type Socket } from '../src/live/link.svelte';

class FakeSocket {
  sent: string[] = [];
  isClosed = false;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.isClosed = true;
  }
}

let sockets: FakeSocket[];
let log: string[];
let probed: 'there' | 'gone' | 'refused';
let expects: boolean;
let link: Link;
const newest = () => sockets.at(-1) as FakeSocket;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  log = [];
  probed = 'there';
  expects = false;
  link = new Link({
    open() {
      sockets.push(new FakeSocket());
      return newest() as unknown as Socket;
    },
    probe: async () => probed,
    expects: () => expects,
    connected: () => log.push('connected'),
    lost: () => log.push('lost'),
    receive: (message) => log.push(JSON.stringify(message)),
    now: () => Date.now(),
    random: () => 0,
  });
});

afterEach(() => vi.useRealTimers());

function open() {
  link.start();
  newest().onopen?.();
}

test('the wait doubles up to its bound, less up to a quarter', () => {
  expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, 0))).toEqual([1, 2, 4, 8].map((n) => n * FIRST_MS));
  expect(backoffMs(1_000, 0)).toBe(LONGEST_MS);
  expect(backoffMs(1_000, 1)).toBe(LONGEST_MS * 0.75);
});

test('a lost connection says when it tries again, and comes back', async () => {
  open();
  newest().onclose?.();
  expect(link.state).toBe('lost');
  expect(link.retryAtMs - Date.now()).toBe(FIRST_MS);
  await vi.advanceTimersByTimeAsync(FIRST_MS);
  newest().onopen?.();
  expect(link.state).toBe('live');
  expect(log).toEqual(['connected', 'lost', 'connected']);
});

test('the second wait is longer, and the first again after a success', async () => {
  open();
  newest().onclose?.();
  await vi.advanceTimersByTimeAsync(FIRST_MS);
  newest().onclose?.();
  expect(link.retryAtMs - Date.now()).toBe(2 * FIRST_MS);
  await vi.advanceTimersByTimeAsync(2 * FIRST_MS);
  newest().onopen?.();
  newest().onclose?.();
  expect(link.retryAtMs - Date.now()).toBe(FIRST_MS);
});

test('while the daemon is gone no socket is tried', async () => {
  probed = 'gone';
  open();
  newest().onclose?.();
  await vi.advanceTimersByTimeAsync(FIRST_MS);
  newest().onclose?.();
  const tried = sockets.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets).toHaveLength(tried);
  probed = 'there';
  await vi.advanceTimersByTimeAsync(LONGEST_MS);
  expect(sockets).toHaveLength(tried + 1);
});

test('an ended session is not tried again', async () => {
  probed = 'refused';
  link.start();
  newest().onclose?.();
  await vi.advanceTimersByTimeAsync(FIRST_MS);
  newest().onclose?.();
  const tried = sockets.length;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(sockets).toHaveLength(tried);
});

test('a silent connection is kept while the daemon answers, and given up when it does not', async () => {
  open();
  await vi.advanceTimersByTimeAsync(SILENCE_MS * 3);
  expect(link.state).toBe('live');
  probed = 'gone';
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(link.state).toBe('lost');
  expect(sockets[0]?.isClosed).toBe(true);
});

test('a socket that never opens is given up', async () => {
  link.start();
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(link.state).toBe('lost');
});

test('a socket that was given up is not heard any more', () => {
  open();
  const old = newest();
  const { onmessage } = old;
  onmessage?.({ data: '{"delta":[]}' });
  link.stop();
  expect(old.onmessage).toBeNull();
  expect(old.isClosed).toBe(true);
  expect(log).toEqual(['connected', '{"delta":[]}', 'lost']);
});

test('impatience tries at once', () => {
  open();
  newest().onclose?.();
  link.retry();
  expect(sockets).toHaveLength(2);
});

test('nothing is sent into a connection that is not there', () => {
  link.start();
  link.send({ watch: ['instances'] });
  newest().onopen?.();
  link.send({ subscribe: ['a.b'] });
  expect(newest().sent).toEqual(['{"subscribe":["a.b"]}']);
});

test('after a sleep a line that was silent is opened anew, and one that was not is kept', () => {
  open();
  expects = true;
  vi.advanceTimersByTime(SLEEP_MS - 1);
  newest().onmessage?.({ data: '{}' });
  vi.advanceTimersByTime(1);
  link.wake();
  expect([sockets.length, link.state]).toEqual([1, 'live']);
  vi.advanceTimersByTime(SLEEP_MS + 1);
  link.wake();
  expect([sockets.length, link.state, log.at(-1)]).toEqual([2, 'connecting', 'lost']);
  newest().onopen?.();
  expect([link.state, log.at(-1)]).toEqual(['live', 'connected']);
});

test('a house that has nothing to say keeps its line over a sleep', () => {
  open();
  vi.advanceTimersByTime(SLEEP_MS * 2);
  link.wake();
  expect(sockets.length).toBe(1);
});

test('a silent line of a daemon that answers another way and would say something is dead', async () => {
  open();
  expects = true;
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(link.state).toBe('lost');
});
