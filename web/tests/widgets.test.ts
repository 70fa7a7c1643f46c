import './browser';
import { expect, test, vi } from 'vitest';
import { type Rule, widgetKinds } from '../src/api/dashboards';
import type { Value, WriteAnswer } from '../src/api/types';
import { Problem } from '../src/api/http';
import { asKind, bound, factsOf, widgetFor } from '../src/pages/dashboards/body';
import { fieldOf } from '../src/ui/form/schema';
import { Act, BAD_MS, GOOD_MS } from '../src/widgets/act.svelte';
import { bounds, drawing, Trace } from '../src/widgets/chart/trace';
import { choicesOf, wordFor } from '../src/widgets/choices';
import { inwards, wayOf } from '../src/widgets/energy/flow';
import { isWeb } from '../src/widgets/frame/address';
import type { Facts } from '../src/widgets/kind';
import { fixedText, isOn, numberOf, readingText, switched, valueOf } from '../src/widgets/reading';
import { fitting, kindOf, kinds, misfit, namesOf, nextName, optionsOf } from '../src/widgets/registry';
import { lookOf } from '../src/widgets/rules';
import { judged, type Standing } from '../src/widgets/truth';
import { statesOf, sampleOf } from '../src/pages/gallery/widgets';
import { Point } from '../src/live/point.svelte';

const facts = (more: Partial<Facts>): Facts => ({ address: 'a.b', kind: 'bool', unit: '', writable: false, name: '', ...more });

test('every kind that the daemon knows is there, with its names, its size, and a form that a person can fill in', () => {
  expect(kinds.map(({ kind }) => kind)).toEqual([...widgetKinds].sort());
  for (const one of kinds) {
    for (const language of ['de', 'en'] as const) {
      expect(one.name[language], one.kind).not.toBe('');
      expect(one.about[language], one.kind).toMatch(/\.$/);
      const field = fieldOf(one.options, language);
      expect(field.kind === 'object' && field.fields.some(({ kind }) => kind === 'json'), one.kind).toBe(false);
    }
    expect(one.least.w <= one.size.w && one.least.h <= one.size.h && one.size.w <= 12, one.kind).toBe(true);
    expect(new Set(one.slots.map(({ key }) => key)).size, one.kind).toBe(one.slots.length);
  }
});

test('the gallery shows each kind in each state that it can be in', () => {
  for (const kind of kinds) {
    const names = statesOf(kind).map(({ name }) => name);
    const writes = kind.slots.some(({ does }) => does !== 'read');
    expect(names.includes('expired'), kind.kind).toBe(writes);
    expect(names.includes('gone'), kind.kind).toBe(kind.slots.length > 0);
    expect(names[0]).toBe('good');
    const sample = sampleOf(kind, { name: 'good' }, '');
    for (const slot of kind.slots) if (slot.needed) expect(namesOf(slot, sample.bindings).length, `${kind.kind} ${slot.key}`).toBeGreaterThan(0);
  }
});

test('the widget that is suggested fits the datapoint', () => {
  const best = (more: Partial<Facts>) => fitting(facts(more))[0]?.kind;
  expect(best({ writable: true })).toBe('switch');
  expect(best({ kind: 'float', writable: true })).toBe('slider');
  expect(best({ kind: 'float', unit: 'kW' })).toBe('value');
  expect(best({ kind: 'float', unit: '%', address: 'bms.soc' })).toBe('battery');
  expect(best({ kind: 'text' })).toBe('text');
  expect(best({ kind: 'text', writable: true })).toBe('input');
  for (const kind of ['bool', 'int', 'float', 'text', 'json', 'bytes', 'null'] as const) {
    for (const writable of [true, false]) {
      const first = fitting(facts({ kind, writable }))[0];
      expect(first && bound(first, {}, facts({ kind, writable })), `${kind} ${writable}`).toBeDefined();
    }
  }
});

test('type, unit and the right to write are looked at where something is bound', () => {
  const slot = kindOf('thermostat')!.slots[1]!;
  expect(misfit(slot, facts({ kind: 'float', unit: '°C', writable: true }))).toBeUndefined();
  expect(misfit(slot, facts({ kind: 'float', unit: '°C' }))).toBe('readOnly');
  expect(misfit(slot, facts({ kind: 'bool', writable: true }))).toBe('kind');
  expect(misfit(slot, facts({ kind: 'float', unit: 'W', writable: true }))).toBe('unit');
  expect(misfit(slot, facts({ kind: 'float', unit: '', writable: true }))).toBeUndefined();
});

test('a slot that takes several has them in the order of their numbers, up to its bound', () => {
  const slot = kindOf('chart')!.slots[0]!;
  const bindings: Record<string, { address: string }> = { value_10: { address: 'a' }, value_2: { address: 'b' }, other: { address: 'c' } };
  expect(namesOf(slot, bindings)).toEqual(['value_2', 'value_10']);
  expect(nextName(slot, bindings)).toBe('value_1');
  expect(nextName(slot, Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`value_${n}`, 1])))).toBeUndefined();
});

test('what begins with a datapoint has it in the slot that matters, and another kind keeps what fits', () => {
  const light = factsOf({ address: 'plc.MAIN.bLight', value: true, quality: 'good', reason: '', source_ms: 0, receive_ms: 0, instance: 'plc', tag: 'MAIN.bLight', writable: true });
  const body = widgetFor(kindOf('switch')!, light);
  expect(body).toEqual({ kind: 'switch', title: 'bLight', bindings: { command: { address: 'plc.MAIN.bLight' } } });
  const second = bound(kindOf('switch')!, body.bindings!, { ...light, writable: false });
  expect(second?.name).toBe('feedback');
  expect(bound(kindOf('switch')!, second!.bindings, light)).toBeUndefined();
  expect(asKind(body, kindOf('value')!).bindings).toEqual({ value: { address: 'plc.MAIN.bLight' } });
});

test('options that a file has wrongly, or for another kind, are left out', () => {
  const gauge = kindOf('gauge')!;
  expect(optionsOf(gauge, {})).toEqual({ low: 0, high: 100 });
  expect(optionsOf(gauge, { high: 5, nonsense: 1, low: null })).toEqual({ low: 0, high: 5 });
});

const standing = (more: Partial<Standing> = {}): Standing => ({ known: true, quality: 'good', reason: '', note: '', receiveMs: 1, ...more });

test('a widget is as bad as the worst that it shows', () => {
  const of = (points: Record<string, Standing>, gone: string[] = [], misses = false) => judged(points, new Set(gone), misses).truth;
  expect(of({})).toBe('none');
  expect(of({}, [], true)).toBe('unbound');
  expect(of({ a: standing() })).toBe('good');
  expect(of({ a: standing(), b: standing({ quality: 'uncertain' }) })).toBe('uncertain');
  expect(of({ a: standing({ quality: 'bad', reason: 'stale' }), b: standing({ quality: 'uncertain' }) })).toBe('stale');
  expect(of({ a: standing({ quality: 'bad', reason: 'stale' }), b: standing({ quality: 'bad' }) })).toBe('bad');
  expect(of({ a: standing({ known: false }), b: standing({ quality: 'bad' }) })).toBe('unknown');
  expect(judged({ a: standing({ known: false }), b: standing() }, new Set(['b']), false)).toEqual({ truth: 'gone', binding: 'b' });
});

test('the first rule that holds decides, of the binding that it looks at', () => {
  const rules: Rule[] = [
    { when: 'stale', colour: 'muted' },
    { when: '>', than: 80, colour: 'bad', text: 'hot' },
    { when: '>=', than: '40', colour: 'warn' },
    { binding: 'command', when: '=', than: 'ON', colour: '#12ab34' },
    { when: '=', than: 0, colour: 'url(x)' },
  ];
  const look = (value: Value, more: Partial<Standing> = {}, binding = 'value') => lookOf(rules, binding, { ...standing(more), value });
  expect(look(81)).toEqual({ colour: 'var(--bad)', text: 'hot' });
  expect(look(80).colour).toBe('var(--warn)');
  expect(look(39)).toEqual({ colour: '', text: '' });
  expect(look(90, { quality: 'bad', reason: 'stale' }).colour).toBe('var(--muted)');
  expect(look('on', {}, 'command').colour).toBe('#12ab34');
  expect(look(0).colour).toBe('');
  expect(look(null)).toEqual({ colour: '', text: '' });
  expect(look({ t: 'f64', v: 'NaN' })).toEqual({ colour: '', text: '' });
});

test('a value is shown with the digits that somebody chose, and never another one', () => {
  expect(readingText(21.456, 1, 'de-DE')).toBe('21,5');
  expect(readingText(21, 2, 'en-GB')).toBe('21.00');
  expect(readingText(-0.04, 1, 'en-GB')).toBe('0.0');
  expect(readingText('ON', 2, 'en-GB')).toBe('ON');
  expect(readingText(null, 2, 'en-GB')).toBe('–');
  expect(readingText({ t: 'f64', v: 'NaN' }, 2, 'en-GB')).toBe('NaN');
  expect(readingText({ t: 'u64', v: '18446744073709551615' }, undefined, 'en-GB')).toBe('18,446,744,073,709,551,615');
  expect(fixedText(1234.5, 0, 'de-DE')).toBe('1235');
  expect([numberOf(true), numberOf('3'), numberOf({ t: 'i64', v: '5' }), numberOf({ t: 'bytes', v: 'AA==' })]).toEqual([undefined, undefined, 5, undefined]);
});

test('on is what the device means by it, and unknown is neither', () => {
  const cases: [Value, string, boolean | undefined][] = [
    [true, '', true], [false, '', false], [1, '', true], [0, '', false], ['ON', '', true], ['off', '', false],
    ['2', '2', true], [2, '2', true], [true, '1', false], [null, '', undefined], ['OFF', 'off', true],
  ];
  for (const [value, on, want] of cases) expect(isOn(value, on), JSON.stringify([value, on])).toBe(want);
  expect([switched(true, false, ''), switched(true, 0, ''), switched(false, 7, ''), switched(true, 'OFF', 'ON'), switched(true, 0, '5')]).toEqual([true, 1, 0, 'ON', 5]);
  expect([valueOf('true', null), valueOf('1,5', 0), valueOf('1', 'text'), valueOf('auto', 3)]).toEqual([true, 1.5, '1', 'auto']);
  expect(wordFor([{ value: '2', word: 'Eco' }], 2)).toBe('Eco');
  expect(choicesOf([{ value: 'a' }, { word: 'x' }, 7, null])).toEqual([{ value: 'a', word: 'a' }]);
});

function acting(answer: () => Promise<WriteAnswer | undefined>, may = true) {
  const act = new Act(answer, () => may);
  return { act, press: () => act.write('command', true) };
}

test('a wish is pending until its end is known, and its end is told as the daemon tells it', async () => {
  vi.useFakeTimers();
  try {
    for (const [outcome, phase] of [['confirmed', 'confirmed'], ['rejected', 'rejected'], ['expired', 'expired'], ['superseded', 'superseded'], ['pending', 'open']] as const) {
      let tell = (_: WriteAnswer) => {};
      const { act, press } = acting(() => new Promise((resolve) => (tell = resolve)));
      const done = press();
      expect([act.phase, act.busy, act.wanted?.value]).toEqual(['pending', true, true]);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(act.phase).toBe('pending');
      tell({ command: 1, outcome, reason: 'because', hint: 'look' });
      await done;
      expect([act.phase, act.wanted, act.reason]).toEqual([phase, undefined, 'because']);
      await vi.advanceTimersByTimeAsync(GOOD_MS + 1);
      expect(act.phase).toBe(phase === 'confirmed' ? 'idle' : phase);
      await vi.advanceTimersByTimeAsync(BAD_MS);
      expect(act.phase).toBe('idle');
    }
  } finally {
    vi.useRealTimers();
  }
});

test('a request that fails is told, a person who thinks better of it did nothing, and who may not does nothing', async () => {
  const failing = acting(() => Promise.reject(new Problem(403, 'Forbidden', 'no', 'ask')));
  await failing.press();
  expect([failing.act.phase, failing.act.reason, failing.act.hint]).toEqual(['failed', 'no', 'ask']);
  const thoughtful = acting(() => Promise.resolve(undefined));
  await thoughtful.press();
  expect(thoughtful.act.phase).toBe('idle');
  const send = vi.fn(() => Promise.resolve(undefined));
  await acting(send, false).press();
  expect(send).not.toHaveBeenCalled();
});

test('the end of an older wish does not end a newer one', async () => {
  const ends: ((answer: WriteAnswer) => void)[] = [];
  const { act, press } = acting(() => new Promise((resolve) => ends.push(resolve)));
  const first = press();
  const second = press();
  ends[0]!({ command: 1, outcome: 'superseded' });
  await first;
  expect(act.phase).toBe('pending');
  ends[1]!({ command: 2, outcome: 'confirmed' });
  await second;
  expect(act.phase).toBe('confirmed');
});

test('of ten thousand values each column of pixels has its lowest and its highest', () => {
  const trace = new Trace();
  for (let n = 0; n < 12_000; n += 1) trace.push(n, n % 100 === 50 ? 1_000 : n % 10);
  expect(trace.count).toBe(10_000);
  expect(trace.timeAt(0)).toBe(2_000);
  const into = drawing(100);
  trace.draw(2_000, 12_000, into);
  expect(into.used).toBe(100);
  expect([...into.high].every((one) => one === 1_000)).toBe(true);
  expect(bounds([into])).toEqual({ low: 0, high: 1_000 });
});

test('a curve begins with the value that held, has gaps where nothing is known, and takes nothing from the past', () => {
  const trace = new Trace(10);
  for (const [ms, level] of [[0, 5], [100, NaN], [200, 7]] as const) trace.push(ms, level);
  trace.push(150, 99);
  const into = drawing(10);
  trace.draw(50, 250, into);
  expect([...into.x.slice(0, into.used)]).toEqual([0, 2, 7]);
  expect([...into.first.slice(0, into.used)]).toEqual([5, NaN, 7]);
  expect([trace.valueAt(-1), trace.valueAt(99), trace.valueAt(150), trace.valueAt(999)]).toEqual([NaN, 5, NaN, 7]);
  trace.draw(1_000, 2_000, into);
  expect(into.used).toBe(1);
  trace.clear();
  trace.draw(0, 100, into);
  expect(bounds([into])).toBeUndefined();
});

test('power flows the way that the signs say, and unknown is no flow', () => {
  const point = (value: Value, unit = 'W', known = true) => {
    const made = new Point('a.b');
    made.describe({ address: 'a.b', instance: 'a', tag: 'b', writable: false, quality: 'good', reason: '', source_ms: 1, receive_ms: 1, value, unit });
    made.known = known;
    return made;
  };
  expect(wayOf(inwards('grid', point(500), {}))).toBe('in');
  expect(wayOf(inwards('grid', point(500), { grid: 'export' }))).toBe('out');
  expect(wayOf(inwards('battery', point(2, 'kW'), {}))).toBe('out');
  expect(wayOf(inwards('battery', point(2, 'kW'), { battery: 'discharge' }))).toBe('in');
  expect(wayOf(inwards('house', point(900), {}))).toBe('out');
  expect(wayOf(inwards('pv', point(3), {}))).toBe('still');
  expect(wayOf(inwards('pv', point(900, 'W', false), {}))).toBe('unknown');
});

test('only pages of the web are embedded', () => {
  const cases = ['https://a.example/x', 'http://10.0.0.1', 'javascript:alert(1)', 'data:text/html,x', '/relative', ''];
  expect(cases.map(isWeb)).toEqual([true, true, false, false, false, false]);
});
