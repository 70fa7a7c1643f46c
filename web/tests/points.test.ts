import { beforeEach, expect, test } from 'vitest';
import type { ClientMessage, PointInfo, PointUpdate } from '../src/api/types';
import { Interest } from '../src/live/interest';
import { BUDGET_MS, LEAST, Pace } from '../src/live/pace';
import type { Point } from '../src/live/point.svelte';
import { BUNCH_MS, Points } from '../src/live/points.svelte';

let sent: ClientMessage[];
let frames: (() => void)[];
let points: Points;
/** Each look at the clock finds that the next bunch may go. */
let time = 0;

beforeEach(() => {
  sent = [];
  frames = [];
  points = new Points(
    (message) => sent.push(message),
    (task) => frames.push(() => task(0)),
    () => (time += BUNCH_MS),
  );
  points.connected();
  frame();
});

/** Draws one picture; says what was sent for it. */
function frame(): ClientMessage[] {
  sent = [];
  for (const task of frames.splice(0)) task();
  return sent;
}

function update(address: string, value: number, receive_ms = 1): PointUpdate {
  return { address, value, quality: 'good', reason: '', source_ms: receive_ms, receive_ms };
}

function info(address: string, value: number, receive_ms = 1): PointInfo {
  return { ...update(address, value, receive_ms), instance: 'a', tag: 'b', unit: 'V', writable: true };
}

test('what is held is subscribed once, and unsubscribed by the last who lets go', () => {
  points.hold('a.b');
  points.hold('a.b');
  expect(frame()).toEqual([{ subscribe: ['a.b'] }]);
  points.release('a.b');
  expect(frame()).toEqual([]);
  points.release('a.b');
  expect(frame()).toEqual([{ unsubscribe: ['a.b'] }]);
});

test('a row that is replaced within one frame says nothing to the daemon', () => {
  points.hold('a.b');
  frame();
  points.hold('a.b');
  points.release('a.b');
  expect(frame()).toEqual([]);
});

test('updates are applied once a frame, the newest of each', () => {
  const point = points.hold('a.b', info('a.b', 1));
  frame();
  for (const value of [2, 3, 4]) points.receive({ delta: [update('a.b', value, value)] });
  expect(point.value).toBe(1);
  expect(frames).toHaveLength(1);
  frame();
  expect(point).toMatchObject({ value: 4, receiveMs: 4, changes: 1, unit: 'V' });
});

test('a delta after a snapshot within one frame keeps what the snapshot said', () => {
  const point = points.hold('a.b');
  points.receive({ snapshot: [info('a.b', 1)] });
  points.receive({ delta: [update('a.b', 2)] });
  frame();
  expect(point).toMatchObject({ value: 2, unit: 'V', writable: true, known: true });
});

test('the same value again is no change', () => {
  const point = points.hold('a.b', info('a.b', 1));
  points.receive({ delta: [update('a.b', 1, 9)] });
  frame();
  expect(point).toMatchObject({ changes: 0, receiveMs: 9 });
});

test('nothing is known while the connection is lost, and the snapshot of the next one replaces it', () => {
  const point = points.hold('a.b', info('a.b', 1));
  expect(point.known).toBe(true);
  frame();
  points.lost();
  expect(point).toMatchObject({ value: 1, known: false });
  points.hold('a.c');
  expect(frame()).toEqual([]);
  points.connected();
  expect(frame()).toEqual([{ subscribe: ['a.b', 'a.c'] }]);
  points.receive({ snapshot: [info('a.b', 7)] });
  frame();
  expect(point).toMatchObject({ value: 7, known: true });
});

test('a list that is older than the live value does not set it back', () => {
  const point = points.hold('a.b', info('a.b', 5, 50));
  points.hold('a.b', info('a.b', 4, 40));
  expect(point.value).toBe(5);
});

test('what nobody holds is not gathered', () => {
  points.receive({ delta: [update('x.y', 1)] });
  expect(frames).toHaveLength(0);
});

/** Holds a hundred points that all have a value. */
function hundred(): Point[] {
  const held = Array.from({ length: 100 }, (_, n) => points.hold(`a.${n}`, info(`a.${n}`, 0)));
  frame();
  return held;
}

const hundredUpdates = Array.from({ length: 100 }, (_, n) => update(`a.${n}`, 7, 2));
const drawn = (held: Point[]) => held.filter(({ value }) => value === 7).length;

test('more than one picture has time for is spread over several, and nobody is left out', () => {
  const held = hundred();
  points.receive({ delta: hundredUpdates });
  const counts = [];
  while (frames.length > 0 && counts.length < 100) {
    frame();
    counts.push(drawn(held));
  }
  expect(counts.length).toBeGreaterThan(2);
  expect(counts.at(-1)).toBe(100);
});

test('what changes all the time is drawn in the order in which it stands, whatever the order in which it came', () => {
  const held = hundred();
  points.receive({ delta: [...hundredUpdates].reverse() });
  frame();
  const first = drawn(held);
  expect(first).toBeGreaterThan(0);
  expect(held.slice(0, first).every(({ value }) => value === 7)).toBe(true);
  points.receive({ delta: [...hundredUpdates].reverse() });
  frame();
  expect(held.slice(0, 2 * first).every(({ value }) => value === 7)).toBe(true);
});

test('what is released while it waits is waited for no more', () => {
  hundred();
  points.receive({ delta: hundredUpdates });
  frame();
  for (let n = 0; n < 100; n += 1) points.release(`a.${n}`);
  frame();
  expect(frames.length).toBe(0);
});

test('what had stood still is drawn before what changes all the time', () => {
  const held = hundred();
  const lamp = points.hold('lamp.on', info('lamp.on', 0));
  points.receive({ delta: hundredUpdates });
  points.receive({ delta: [update('lamp.on', 1, 60_000)] });
  frame();
  expect(lamp.value).toBe(1);
  expect(drawn(held)).toBeLessThan(100);
});

test('the pace finds what fits into the budget, whatever a value costs, and leaves a slow machine a few', () => {
  for (const [fixed, each] of [[2, 0.05], [1, 0.4], [3, 0.2]] as const) {
    const pace = new Pace();
    const took = () => fixed + each * pace.most;
    let over = 0;
    for (let n = 0; n < 1_000; n += 1) {
      if (n >= 200 && took() > BUDGET_MS) over += 1;
      pace.took(pace.most, took());
    }
    expect(over).toBeLessThan(40);
    expect(took()).toBeGreaterThan(0.6 * BUDGET_MS);
  }
  const slow = new Pace();
  for (let n = 0; n < 50; n += 1) slow.took(slow.most, 90);
  expect(slow.most).toBe(LEAST);
});

test('pictures with little to draw say nothing of how much there could be', () => {
  const pace = new Pace();
  const before = pace.most;
  for (let n = 0; n < 50; n += 1) pace.took(1, 1);
  expect(pace.most).toBe(before);
});

test('many addresses go in several frames', () => {
  const interest = new Interest();
  for (let n = 0; n < 1_201; n += 1) interest.want(`a.${n}`);
  const sizes = interest.take().map((message) => ('subscribe' in message ? message.subscribe.length : 0));
  expect(sizes).toEqual([500, 500, 201]);
});
