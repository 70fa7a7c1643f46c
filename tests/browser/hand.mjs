// Somebody who edits a dashboard with mouse and keyboard, at random, and reads what the page says about it.
import assert from 'node:assert/strict';
import { until } from './house.mjs';

/** What is not there by then has been taken away by somebody else. */
const SHORT_MS = 4_000;
const WAYS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'];

/** Runs in the page before its own programs: keeps each write with its answer, and each word of a lost race or a refusal. */
function listen() {
  const [writes, told] = [(globalThis.writesSeen = []), (globalThis.wordsSeen = [])];
  const real = globalThis.fetch;
  globalThis.fetch = async (path, init) => {
    const method = init?.method ?? 'GET';
    if (method === 'GET' || !String(path).startsWith('/api/widgets')) return real(path, init);
    const write = { method, path: String(path), status: 0, isOpen: true };
    writes.push(write);
    try {
      const answer = await real(path, init);
      const text = await answer.clone().text();
      Object.assign(write, { status: answer.status, json: text ? JSON.parse(text) : undefined });
      return answer;
    } finally {
      write.isOpen = false;
    }
  };
  const WORDS = '[data-testid=race], .problem[role=alert], .notice.bad';
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        if (!(node instanceof Element)) continue;
        for (const one of node.matches(WORDS) ? [node] : node.querySelectorAll(WORDS)) told.push(one.textContent);
      }
    }
  }).observe(document, { subtree: true, childList: true });
}

/** The editor of a board, as an administrator with this name sees it. */
export async function open(house, options, who, board) {
  const password = `the pass word of ${who}`;
  const { status } = await house.call('POST', '/api/admin/users', { name: who, role: 'admin', password });
  assert.ok([200, 201, 409].includes(status), `no ${who}: ${status}`);
  const opened = await house.open(options, { loggedIn: false });
  const answer = await opened.context.request.post(`${house.origin}/api/login`, { data: { name: who, password }, headers: { 'x-fieldrail': '1' } });
  assert.ok(answer.ok(), `${who} cannot log in: ${answer.status()}`);
  await opened.page.addInitScript(listen);
  await opened.page.goto(`${house.origin}/#/dashboards?id=${board}&edit=1`);
  await opened.page.getByTestId('edit-grid').waitFor();
  await opened.page.getByText('Widgets', { exact: true }).click();
  return Object.assign(opened, { board });
}

export class Hand {
  edits = 0;
  #aim = { id: '', cell: '' };
  #taken = 0;
  /** How often an edit was told to be lost, by what was said. */
  reasons = new Map();

  constructor(house, opened, { who, name, ledger, roll, most }) {
    Object.assign(this, { house, page: opened.page, board: opened.board, who, name, ledger, roll, most });
  }

  /** What stands where on the page. */
  shown() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll('[data-testid=edit-grid] [data-cell]')]
        .map((one) => ({ id: one.dataset.id, cell: one.dataset.cell, label: one.querySelector('.grip').getAttribute('aria-label').split(', column')[0] }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)));
  }

  /** The writes of this page that are not accounted for yet. */
  async #take() {
    const writes = await until(`${this.name} has all answers`, () => this.page.evaluate((from) => {
      const ended = globalThis.writesSeen.slice(from);
      return ended.every(({ isOpen }) => !isOpen) && ended;
    }, this.#taken));
    this.#taken += writes.length;
    for (const write of writes) this.ledger.take(this.who, write);
    return writes;
  }

  /** Makes one edit, waits for its end, and accounts for it. */
  async edit() {
    this.edits += 1;
    await this.#take();
    const heard = await this.page.evaluate(() => globalThis.wordsSeen.length);
    const told = () => this.page.evaluate((from) => globalThis.wordsSeen.slice(from), heard);
    const count = () => this.page.evaluate((from) => globalThis.writesSeen.length - from, this.#taken);
    const expects = await this.#act(`${this.name} ${this.edits}`);
    if (expects) {
      await until(`something comes of edit ${this.edits} (${expects}) of ${this.name}`, async () =>
        (await count()) > 0 || (await told()).length > 0 || (expects === 'drag' && (await this.#isThere())));
    }
    await this.#rests();
    const writes = await this.#take();
    const isDone = ({ status }) => status >= 200 && status < 300;
    const last = writes.at(-1);
    if (last && !isDone(last)) await until(`${this.name} is told that edit ${this.edits} is lost: ${JSON.stringify(writes)}`, async () => (await told()).length > 0);
    const words = await told();
    if (words.length > 0) {
      this.ledger.told += 1;
      for (const one of words) this.#count(one);
      await this.#answer();
    } else if (!last) this.ledger.nothing += 1;
    // It was late, and went together with what others did.
    else if (!writes.every(isDone)) this.ledger.joined += 1;
  }

  /** Whether the last widget that was dragged is saved where it was put: one that was shown pushed aside may have been put back. */
  async #isThere() {
    const { id, cell } = this.#aim;
    const { json } = await this.house.call('GET', `/api/widgets/${id}`);
    const { x, y, w, h } = json?.layout?.wall ?? {};
    return `${x},${y},${w},${h}` === cell;
  }

  /** Goes away once all is accounted for. */
  async leave() {
    await this.#rests();
    await this.#take();
    await this.page.context().close();
  }

  #count(words) {
    const what = words.replace(/[:{].*/s, '').trim().slice(0, 60);
    this.reasons.set(what, (this.reasons.get(what) ?? 0) + 1);
  }

  /** Nothing is under way. */
  #rests() {
    return until(`${this.name} has saved`, () => this.page.evaluate(() =>
      globalThis.writesSeen.every(({ isOpen }) => !isOpen) && document.querySelector('[data-testid=saved]')?.dataset.saving === 'false' && !document.querySelector('[aria-busy=true]')));
  }

  /** Answers the question of a lost race, one way or the other, until none is open. */
  async #answer() {
    const { page } = this;
    const race = page.getByTestId('race').getByRole('button');
    const problem = page.locator('.problem[role=alert]').getByRole('button', { name: 'Dismiss' });
    await until(`${this.name} has answered`, async () => {
      const count = await race.count();
      if (count > 0) await race.nth(this.roll(count)).click({ timeout: SHORT_MS }).catch(() => {});
      else if ((await problem.count()) > 0) await problem.first().click({ timeout: SHORT_MS }).catch(() => {});
      else return true;
      await this.#rests();
      await this.#take();
      return false;
    });
    // What could not be saved and is not asked about is put away: it was told.
    const discard = page.getByTestId('properties').getByRole('button', { name: 'Discard' });
    if (await discard.isEnabled({ timeout: SHORT_MS }).catch(() => false)) await discard.click({ timeout: SHORT_MS }).catch(() => {});
  }

  /** One thing that somebody does; says what, if a write has to come of it. */
  async #act(mark) {
    const places = await this.#places();
    const one = places[this.roll(Math.max(1, places.length))];
    const choice = this.roll(100);
    try {
      if (choice < 9) return await this.#turn(choice < 6 ? 'Undo' : 'Redo');
      if (!one || (choice < 18 && places.length < this.most)) return await this.#add();
      if (choice < 25 && places.length > this.most / 2) return await this.#delete(one);
      if (choice < 52) return await this.#drag(one, { isCorner: false });
      if (choice < 64) return await this.#drag(one, { isCorner: true });
      if (choice < 70) return await this.#keys(one);
      if (choice < 86) return await this.#rename(one, mark);
      return await this.#settings(one, mark);
    } catch (cause) {
      // Taken away under the hand: nothing was sent.
      if (!/Timeout|not attached|detached/.test(String(cause))) throw cause;
      await this.page.mouse.up();
      return '';
    }
  }

  /** Where the widgets are, as far as they can be reached without scrolling. */
  #places() {
    return this.page.evaluate(() => [...document.querySelectorAll('[data-testid=edit-grid] [data-cell]')].flatMap((one) => {
      const { left, top, right, bottom } = one.getBoundingClientRect();
      const isReached = top > 180 && bottom < innerHeight - 60;
      return isReached ? [{ id: one.dataset.id, cell: one.dataset.cell, left, top, right, bottom }] : [];
    }));
  }

  /** Others go on while something is held or typed: for half a second at the most. */
  async #linger() {
    for (let frames = this.roll(2) === 0 ? this.roll(30) : 0; frames > 0; frames -= 1) await this.page.evaluate(() => new Promise(requestAnimationFrame));
  }

  #cell = (id) => this.page.evaluate((one) => document.querySelector(`[data-id="${one}"][data-cell]`)?.dataset.cell, id);

  async #drag({ id, left, top, right, bottom }, { isCorner }) {
    const { mouse } = this.page;
    const [x, y] = isCorner ? [right - 6, bottom - 6] : [left + 24, (top + bottom) / 2];
    await mouse.move(x, y);
    await mouse.down();
    const hit = await this.page.evaluate(([one, at, down]) => document.elementFromPoint(at, down)?.closest('[data-cell]')?.dataset.id === one, [id, x, y]);
    const begun = await this.#cell(id);
    await mouse.move(x + (this.roll(9) - 4) * 90, Math.min(830, Math.max(200, y + (this.roll(7) - 3) * 72)), { steps: 3 });
    const held = await this.#cell(id);
    await this.#linger();
    await mouse.up();
    this.#aim = { id, cell: held };
    return hit && held !== undefined && held !== begun ? 'drag' : '';
  }

  async #keys({ id }) {
    await this.#focus(id);
    const before = await this.#cell(id);
    await this.page.keyboard.press(`${this.roll(3) === 0 ? 'Shift+' : ''}${WAYS[this.roll(4)]}`);
    const held = await this.#cell(id);
    return held !== undefined && held !== before ? 'keys' : '';
  }

  #focus = (id) => this.page.evaluate((one) => document.querySelector(`[data-grip="${one}"]`)?.focus(), id);

  async #rename({ id }, mark) {
    await this.#focus(id);
    await this.page.keyboard.press('F2');
    await this.page.keyboard.insertText(mark);
    const isTyped = await this.page.evaluate((text) => document.activeElement?.value === text && document.activeElement.matches('.title'), mark);
    await this.#linger();
    await this.page.keyboard.press('Enter');
    return isTyped ? 'rename' : '';
  }

  async #settings({ id }, mark) {
    await this.#focus(id);
    await this.page.keyboard.press('Space');
    const form = this.page.getByTestId('properties');
    await form.getByRole('textbox', { name: 'Title' }).fill(mark, { timeout: SHORT_MS });
    await this.#linger();
    await form.getByRole('button', { name: 'Save' }).click({ timeout: SHORT_MS });
    return 'settings';
  }

  async #add() {
    await this.page.getByRole('button', { name: 'Clock', exact: true }).click({ timeout: SHORT_MS });
    return 'add';
  }

  async #delete({ id }) {
    await this.#focus(id);
    await this.page.keyboard.press('Space');
    await this.page.keyboard.press('Delete');
    return '';
  }

  async #turn(name) {
    // At one blow: what the same person does on another page takes the button away.
    const isPressed = await this.page.evaluate((label) => {
      const button = document.querySelector(`[role=toolbar] [aria-label="${label}"]`);
      const isFree = button !== null && !button.disabled;
      if (isFree) button.click();
      return isFree;
    }, name);
    return isPressed ? 'turn' : '';
  }
}
