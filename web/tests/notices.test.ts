import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GOOD_MS, notices, UNDO_MS } from '../src/ui/notices.svelte';

const texts = () => notices.all.map(({ text }) => text);
const last = () => notices.all.at(-1)?.id ?? -1;

beforeEach(() => {
  vi.useFakeTimers();
  notices.speak(() => ({ undo: 'Undo', undone: 'Undone.', failed: (cause) => `Failed: ${(cause as Error).message}` }));
});

afterEach(() => {
  vi.runAllTimers();
  expect(texts()).toEqual([]);
  vi.useRealTimers();
});

test('what is done goes by itself, and stays longer where it can be undone', () => {
  notices.done('Saved.');
  notices.done('Stopped.', { undo: async () => {} });
  vi.advanceTimersByTime(GOOD_MS);
  expect(texts()).toEqual(['Stopped.']);
  vi.advanceTimersByTime(UNDO_MS - GOOD_MS);
  expect(texts()).toEqual([]);
});

test('its time stands still while somebody points at it', () => {
  notices.done('Stopped.', { undo: async () => {} });
  vi.advanceTimersByTime(UNDO_MS - 10);
  notices.pause(last());
  notices.pause(last());
  vi.advanceTimersByTime(60_000);
  expect(texts()).toEqual(['Stopped.']);
  notices.resume(last());
  vi.advanceTimersByTime(9);
  expect(texts()).toEqual(['Stopped.']);
  vi.advanceTimersByTime(1);
  expect(texts()).toEqual([]);
});

test('undoing happens once and says how it ended', async () => {
  const undo = vi.fn(async () => {});
  notices.done('Stopped.', { undo });
  const id = last();
  await Promise.all([notices.act(id), notices.act(id)]);
  expect(undo).toHaveBeenCalledTimes(1);
  expect(texts()).toEqual(['Undone.']);
  notices.done('Stopped.', { undo: () => Promise.reject(new Error('too late')) });
  await notices.act(last());
  expect(texts()).toEqual(['Undone.', 'Failed: too late']);
});

test('of many the oldest goes, with its time', () => {
  for (let n = 0; n < 9; n += 1) notices.add('bad', `bad ${n}`);
  expect(texts()).toEqual(['bad 5', 'bad 6', 'bad 7', 'bad 8']);
});
