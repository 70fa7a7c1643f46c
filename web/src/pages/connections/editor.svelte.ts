// One connection while somebody types it. It outlives its page until it is saved or thrown away, so that an expired session
// or another page loses nothing.
import {
  type Connection,
  type ConnectionEntry,
  type TestResult,
  addConnection,
  getConnection,
  putConnection,
  testConnection,
} from '../../api/connections';
import { asProblem, type Problem } from '../../api/http';
import { clock } from '../../live/clock.svelte';
import { same, tidy } from '../../ui/form/draft';
import { isObject } from '../../ui/form/schema';
import { idFrom } from './id';

/** Whether a connection is new, a copy, or there already. */
export type Mode = 'add' | 'edit';

export interface Tested {
  value: Connection;
  result?: TestResult;
  problem?: Problem;
}

const NAME_MOST = 200;

/** What a test is about: another name makes it no other device. */
function triedOf({ driver, config, simulated }: Connection): unknown {
  return { driver, config, simulated: simulated === true };
}

export class Editor {
  value: Connection = $state.raw({ id: '', driver: '', enabled: true, config: {} });
  /** As it was when it was read; its `etag` is what a save expects. */
  before = $state.raw<ConnectionEntry>();
  busy = $state.raw(false);
  problem = $state.raw<Problem>();
  /** What the daemon found wrong, by path. */
  told = $state.raw<ReadonlyMap<string, string>>(new Map());
  /** Whether faults of untouched fields are shown. */
  all = $state.raw(false);
  /** What somebody else has saved meanwhile. */
  theirs = $state.raw<ConnectionEntry>();
  tested = $state.raw<Tested>();
  testingSinceMs = $state.raw<number>();
  /** Whether it was there from before, with what was typed then. */
  kept = $state.raw(false);
  /** Whether the id still follows the name. */
  #idFollows = true;
  #start: Connection;

  constructor(
    readonly mode: Mode,
    start: Connection,
    /** The connection that masks of secrets stand for, if it is another one. */
    readonly secretsOf = '',
  ) {
    this.value = start;
    this.#start = start;
    this.#idFollows = mode === 'add';
  }

  /** An editor of a connection that is there. */
  static of(entry: ConnectionEntry): Editor {
    const editor = new Editor('edit', withoutTag(entry));
    editor.before = entry;
    return editor;
  }

  dirty = $derived.by(() => !same(this.value, this.#start));
  nameTooLong = $derived([...(this.value.name ?? '')].length > NAME_MOST);
  outdated = $derived(this.tested !== undefined && !same(triedOf(this.tested.value), triedOf(this.value)));

  set(change: Partial<Connection>): void {
    this.value = { ...this.value, ...change };
    if (this.told.size > 0) this.told = new Map();
  }

  rename(name: string, taken: readonly string[]): void {
    this.set({ name, ...(this.#idFollows ? { id: idFrom(name, taken, this.value.driver || 'device') } : {}) });
  }

  setId(id: string): void {
    this.#idFollows = id === '';
    this.set({ id: id.trim() });
  }

  /** The connection as it is sent. */
  get sent(): Connection {
    const { health, limits, simulated, name, ...rest } = tidy(this.value) as Connection;
    const filled = (section: unknown) => isObject(section) && Object.keys(section).length > 0;
    return {
      ...rest,
      ...(name ? { name: name.trim() } : {}),
      ...(simulated ? { simulated } : {}),
      ...(filled(health) ? { health } : {}),
      ...(filled(limits) ? { limits } : {}),
    };
  }

  #abort: AbortController | undefined;

  /** Waits for the test no longer; the driver that was tried is ended. */
  cancelTest(): void {
    this.#abort?.abort();
  }

  async test(): Promise<void> {
    const value = this.value;
    const { signal } = (this.#abort = new AbortController());
    this.testingSinceMs = clock.exact();
    this.tested = undefined;
    try {
      // A trial needs no id of its own, and a new one may have none yet.
      this.tested = { value, result: await testConnection({ ...this.sent, id: this.sent.id || 'new' }, this.secretsOf, signal) };
    } catch (cause) {
      if (signal.aborted) return;
      const problem = asProblem(cause);
      this.tested = { value, problem };
      this.#tell(problem);
    } finally {
      this.testingSinceMs = undefined;
    }
  }

  /** Saves it. Undefined if it could not be saved: then `problem` or `theirs` says why. */
  async save(): Promise<ConnectionEntry | undefined> {
    this.busy = true;
    this.problem = undefined;
    try {
      const saved =
        this.mode === 'add'
          ? await addConnection(this.sent, this.secretsOf)
          : await putConnection(this.sent, this.before?.etag ?? '');
      this.#start = this.value;
      return saved;
    } catch (cause) {
      const problem = asProblem(cause);
      if (problem.status === 412 && (await this.#readTheirs())) return undefined;
      this.problem = problem;
      this.#tell(problem);
      return undefined;
    } finally {
      this.busy = false;
    }
  }

  /** Takes what was chosen after a lost race, on top of what the other has saved. */
  settle(value: Connection): void {
    if (!this.theirs) return;
    this.before = this.theirs;
    this.#start = withoutTag(this.theirs);
    this.theirs = undefined;
    this.set(value);
  }

  async #readTheirs(): Promise<boolean> {
    const theirs = await getConnection(this.value.id).catch(() => undefined);
    this.theirs = theirs;
    return theirs !== undefined;
  }

  #tell({ at, detail, hint }: Problem): void {
    // In a file an entry stands at its place, here it is the only one.
    const key = at.key?.replace(/^connections\[\d+\]\./, '').replace(/^connection\./, '');
    if (key) this.told = new Map([[key, hint ? `${detail} ${hint}` : detail]]);
  }
}

export function withoutTag({ etag: _, ...connection }: ConnectionEntry): Connection {
  return connection as Connection;
}

/** Editors that hold what was typed and not saved, by the page that they belong to. */
const kept = new Map<string, { by: string; editor: Editor }>();

/** The editor that somebody left here. */
export function findEditor(key: string, by: string): Editor | undefined {
  const found = kept.get(key);
  return found?.by === by ? found.editor : undefined;
}

export function keepEditor(key: string, by: string, editor: Editor): void {
  editor.kept = true;
  kept.set(key, { by, editor });
}

export function forgetEditor(key: string): void {
  kept.delete(key);
}
