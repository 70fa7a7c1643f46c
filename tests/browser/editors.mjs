// Eight people who edit the same dashboards at once, four of them with a mouse in the editor, four by the API. Each edit is
// accounted for: it was done, or its author was told that it was not. The history, played from the start, leads to what is there.
import assert from 'node:assert/strict';
import { textOf } from './boards.mjs';
import { DESK, becomes, pause } from './house.mjs';
import { Hand, open } from './hand.mjs';

export const BOARDS = ['eg', 'og'];
/** Programs that are no further ahead of the pages than so many edits. */
const LEAD = 2;
const MOST_WIDGETS = 16;

/** Numbers that look random and are the same each time. */
export function dice(seed) {
  let state = BigInt(seed) * 0x9e37_79b9_7f4a_7c15n & 0xffff_ffff_ffff_ffffn;
  return (sides) => {
    state ^= (state << 13n) & 0xffff_ffff_ffff_ffffn;
    state ^= state >> 7n;
    state ^= (state << 17n) & 0xffff_ffff_ffff_ffffn;
    return Number(state % BigInt(sides));
  };
}

/** What was answered as done, and how often somebody was told that it was not. */
export class Ledger {
  done = [];
  told = 0;
  joined = 0;
  nothing = 0;
  /** Whose writes got no answer: they are told that nobody knows. */
  unknown = [];

  /** An answer to a write: `json` is what the daemon said. */
  take(who, { method, path, status, json }) {
    if (status === 0) this.unknown.push(who);
    if (status < 200 || status > 299) return;
    const id = decodeURIComponent(path.split('/')[3] ?? '').split('?')[0];
    if (path.endsWith('/batch')) this.done.push({ who, change: json.change });
    else if (/\/(undo|redo)$/.test(path)) json.change && this.done.push({ who, change: json.change.change });
    else if (method === 'DELETE') this.done.push({ who, id });
    else {
      const { etag: _, may_operate: _may, ...after } = json;
      this.done.push({ who, id: json.id, after });
    }
  }
}

/** Somebody who edits by the API, with what they last saw. */
class Program {
  edits = 0;
  #seen = [];

  constructor(house, who, token, ledger, roll) {
    Object.assign(this, { house, who, token, ledger, roll });
  }

  async #send(method, path, body, etag) {
    const answer = await fetch(`${this.house.origin}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body && { 'content-type': 'application/json' }), ...(etag && { 'if-match': `"${etag}"` }) },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    const write = { method, path, status: answer.status, json: text ? JSON.parse(text) : undefined };
    if (method !== 'GET') this.ledger.take(`token:${this.who}`, write);
    return write;
  }

  async #look() {
    this.#seen = (await this.#send('GET', '/api/widgets?limit=500')).json.items;
  }

  async edit() {
    this.edits += 1;
    if (this.#seen.length === 0) await this.#look();
    const mark = `${this.who} ${this.edits}`;
    const one = this.#seen[this.roll(Math.max(1, this.#seen.length))];
    const choice = this.roll(100);
    const cell = { x: this.roll(11), y: this.roll(12), w: 2, h: 1 };
    // To where it stands already is no change.
    if (one?.layout?.wall && textOf(one.layout.wall) === textOf(cell)) cell.x = (cell.x + 1) % 11;
    const undoes = choice < 12;
    let write;
    if (undoes) write = await this.#send('POST', `/api/widgets/${choice < 8 ? 'undo' : 'redo'}`);
    else if (!one || (choice < 22 && this.#seen.length < 2 * MOST_WIDGETS)) write = await this.#send('POST', '/api/widgets', { dashboard: BOARDS[this.roll(2)], kind: 'value', title: mark, layout: { wall: cell } });
    else if (choice < 30 && this.#seen.length > MOST_WIDGETS) write = await this.#send('DELETE', `/api/widgets/${one.id}`, undefined, one.etag);
    else if (choice < 60) write = await this.#send('POST', '/api/widgets/batch', { steps: [{ move: one.id, etag: one.etag, layout: { ...one.layout, wall: cell } }] });
    else {
      const { etag, may_operate: _, ...body } = one;
      write = await this.#send('PUT', `/api/widgets/${one.id}`, { ...body, title: mark }, etag);
    }
    // Late, gone, taken, or nothing left to undo: the answer says so.
    assert.ok([200, 201, 204, 404, 409, 412, 422].includes(write.status), `${write.path}: ${write.status} ${JSON.stringify(write.json)}`);
    if (write.status >= 400 || (undoes && !write.json.change)) this.ledger.told += 1;
    // What is seen gets old, so that there are races.
    if (write.status >= 400 || undoes || this.roll(3) === 0) await this.#look();
    else {
      const made = write.json?.items ?? (write.json ? [write.json] : []);
      const ids = [...made.map(({ id }) => id), ...(write.method === 'DELETE' ? [one.id] : [])];
      this.#seen = [...this.#seen.filter(({ id }) => !ids.includes(id)), ...made];
    }
  }
}

/** Lets eight edit at once, four `byHand` times each, four `byProgram` times, and checks what came of it. Tells figures. */
export async function editTogether(house, { byHand, byProgram }, seed = 7) {
  const ledger = new Ledger();
  const start = await furnish(house);
  const first = (await house.ask('GET', '/api/widgets/state')).change;
  const begun = Date.now();
  const hands = [];
  // Two people with two pages each: what one does is undone by nobody else.
  for (const [nth, who] of ['anna', 'bernd', 'bernd', 'anna'].entries()) {
    hands.push(new Hand(house, await open(house, DESK, who, BOARDS[nth % 2]), { who, name: `${who}${nth}`, ledger, roll: dice(seed + nth), most: MOST_WIDGETS }));
  }
  const programs = [];
  for (const [nth, who] of ['carl', 'dora', 'emil', 'fred'].entries()) {
    const { status, json } = await house.call('POST', '/api/admin/tokens', { name: who, role: 'admin' });
    assert.ok(status < 300, JSON.stringify(json));
    programs.push(new Program(house, who, json.token ?? json.secret, ledger, dice(seed + 100 + nth)));
  }
  const share = () => hands.reduce((sum, hand) => sum + hand.edits, 0) / hands.length / byHand;
  let isOver = false;
  const byHands = hands.map(async (hand) => {
    while (hand.edits < byHand && !isOver) await hand.edit();
  });
  // Programs are faster: they wait for the pages, so that all go on to the end.
  const byPrograms = programs.map(async (program) => {
    while (program.edits < byProgram && !isOver) {
      if (program.edits <= share() * byProgram + LEAD) await program.edit();
      else await pause(20);
    }
  });
  await Promise.all([...byHands, ...byPrograms]).finally(() => (isOver = true));
  const seconds = Math.round((Date.now() - begun) / 1_000);
  for (const hand of hands) await seesWhatIs(house, hand);
  for (const hand of hands) await hand.leave();
  const end = await house.ask('GET', '/api/widgets/export');
  const last = (await house.ask('GET', '/api/widgets/state')).change;
  const unanswered = ledger.unknown.length;
  const changes = await replays(house, { first, last, start, end, ledger });
  await outlives(house, { first, last, start, end });
  const { told, joined, nothing } = ledger;
  return { edits: 4 * (byHand + byProgram), seconds, done: ledger.done.length, changes, told, joined, nothing, unanswered, reasons: Object.fromEntries(hands.flatMap(({ reasons }) => [...reasons])) };
}

async function furnish(house) {
  for (const id of BOARDS) assert.equal((await house.call('POST', '/api/dashboards', { id, name: id.toUpperCase() })).status, 201);
  const steps = Array.from({ length: MOST_WIDGETS }, (_, n) => ({
    add: { id: `w${n}`, dashboard: BOARDS[n % 2], kind: 'value', title: `start ${n}`, layout: { wall: { x: (n % 6) * 2, y: Math.floor(n / 6) * 2, w: 2, h: 1 } } },
  }));
  assert.equal((await house.call('POST', '/api/widgets/batch', { steps })).status, 200);
  return house.ask('GET', '/api/widgets/export');
}

const overlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** The page of somebody who edited shows what the API tells, and what somebody sees who comes now. */
async function seesWhatIs(house, hand) {
  const { items } = await house.ask('GET', `/api/widgets?dashboard=${hand.board}&limit=500`);
  const fresh = await open(house, DESK, hand.who, hand.board);
  const other = new Hand(house, fresh, { who: hand.who, name: 'fresh' });
  await becomes(async () => (await other.shown()).map(({ id }) => id).sort(), items.map(({ id }) => id).sort(), 'all are there');
  await becomes(() => hand.shown(), await other.shown(), `${hand.name} sees what somebody sees who comes now`);
  const shown = new Map((await hand.shown()).map((one) => [one.id, one]));
  const lies = ({ id, layout }) => items.some((one) => one.id !== id && one.layout?.wall && overlap(one.layout.wall, layout.wall));
  for (const item of items) {
    const { cell, label } = shown.get(item.id);
    assert.ok(label.startsWith(item.title || ''), `${label}: ${item.title}`);
    // What an undo put on another one is shown pushed apart.
    if (item.layout?.wall && !items.some((one) => one.layout?.wall && lies(one))) assert.equal(cell, textOf(item.layout.wall), item.id);
  }
  await fresh.context.close();
}

const byId = ({ widgets }) => new Map(widgets.map((one) => [one.id, one]));

/** Each change of the history is made on what the one before left; each was told its author as done, and no other was. */
async function replays(house, { first, last, start, end, ledger }) {
  const state = byId(start);
  const open = [...ledger.done];
  for (let number = first + 1; number <= last; number += 1) {
    const change = await house.ask('GET', `/api/widgets/versions/${number}`);
    for (const { kind, id, before, after } of change.differences) {
      assert.equal(kind, 'widget');
      assert.deepEqual(state.get(id), before, `change ${number} is made on what was there`);
      if (after) state.set(id, after);
      else state.delete(id);
    }
    // All that it would have taken back others had changed: its author was told.
    if (change.differences.length === 0) continue;
    const one = change.differences.length === 1 ? change.differences[0] : undefined;
    const same = (each) => each.who === change.who && (each.change === number || (each.change === undefined && one && each.id === one.id && isSame(each.after, one.after)));
    const nth = open.findIndex(same);
    const mute = nth < 0 ? ledger.unknown.indexOf(change.who) : -1;
    if (mute >= 0) {
      ledger.unknown.splice(mute, 1);
      continue;
    }
    assert.ok(nth >= 0, `nobody was told of change ${number}: ${JSON.stringify(change)}`);
    open.splice(nth, 1);
  }
  assert.deepEqual(open, [], 'what was answered as done is in the history');
  assert.deepEqual(state, byId(end));
  return last - first;
}

function isSame(a, b) {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}

/** After a restart all is there, and the history leads back to the beginning. */
async function outlives(house, { first, last, start, end }) {
  await house.stop();
  assert.deepEqual(house.file('widgets.json'), end);
  await house.start();
  assert.deepEqual(await house.ask('GET', '/api/widgets/export'), end);
  const { status } = await house.call('POST', `/api/widgets/versions/${first}/restore`, {}, { 'if-match': `"${last}"` });
  assert.equal(status, 200);
  assert.deepEqual(await house.ask('GET', '/api/widgets/export'), start);
}
