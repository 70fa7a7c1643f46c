// A page that is being edited: what is selected, where it is moved to, and every change as one step that can be undone.
//
// Invariant: a layout that is shown and not saved is `pending`; whatever ends a gesture saves it or drops it.
import {
  changeWidgets,
  type DashboardEntry,
  redo,
  type Size,
  type Step,
  undo,
  type Undone,
  type WidgetBody,
  type WidgetEntry,
} from '../../api/dashboards';
import { asProblem, Problem } from '../../api/http';
import type { Facts, WidgetKind } from '../../widgets/kind';
import { kindOf } from '../../widgets/registry';
import type { Board } from './board.svelte';
import { bodyOf, shifted, titleFor, widgetFor } from './body';
import { bottom, changed, clamped, firstFree, gridOf, isOwn, layoutOf, type Placed, pushed } from './grid';
import type { Cell } from '../../api/dashboards';
import { house } from './house.svelte';

const CONFLICT = 412;
const CLIPBOARD = 'fieldrail.widgets';
/** Bytes that the clipboard of a browser takes. */
const MOST_COPIED = 1_000_000;

/** What two people have placed at once. */
export interface LayoutClash {
  mine: Placed[];
  ids: string[];
}

export class Editing {
  selection = $state.raw<ReadonlySet<string>>(new Set());
  size = $state<Size>('wall');
  /** Where widgets are while a gesture goes on, and until it is saved. */
  pending = $state.raw<Placed[]>();
  saving = $state.raw(0);
  problem = $state.raw<Problem>();
  clash = $state.raw<LayoutClash>();

  constructor(
    readonly board: Board,
    readonly page: () => DashboardEntry,
  ) {}

  columns = $derived.by(() => gridOf(this.page(), this.size).columns);
  own = $derived.by(() => isOwn(this.page(), this.size));
  saved: Placed[] = $derived.by(() => layoutOf(this.page(), this.board.widgets ?? [], this.size, (id) => this.#wish(id)));
  placed: Placed[] = $derived.by(() => this.#shown());
  chosen: WidgetEntry[] = $derived.by(() => (this.board.widgets ?? []).filter(({ id }) => this.selection.has(id)));

  #wish(id: string) {
    return kindOf(this.board.live.get(id)?.entry.kind ?? '')?.size ?? { w: 2, h: 2 };
  }

  /** What is saved, with what is being moved; what others added meanwhile stands below. */
  #shown(): Placed[] {
    const { pending, saved } = this;
    if (!pending) return saved;
    const ids = new Set(saved.map(({ id }) => id));
    const known = new Set(pending.map(({ id }) => id));
    const kept = pending.filter(({ id }) => ids.has(id));
    return pushed([...kept, ...saved.filter(({ id }) => !known.has(id))], new Map());
  }

  entry(id: string): WidgetEntry | undefined {
    return this.board.widgets?.find((one) => one.id === id);
  }

  cellOf(id: string): Cell | undefined {
    return this.placed.find((one) => one.id === id)?.cell;
  }

  least(id: string) {
    return kindOf(this.entry(id)?.kind ?? '')?.least ?? { w: 1, h: 1 };
  }

  /** Selects one with its group; `add` keeps the others, and takes it out if it is in. */
  select(id: string | undefined, { add = false } = {}): void {
    if (id === undefined) return void (this.selection = new Set());
    const group = this.entry(id)?.group;
    const ids = group ? (this.board.widgets ?? []).filter((one) => one.group === group).map((one) => one.id) : [id];
    if (!add) return void (this.selection = new Set(ids));
    const next = new Set(this.selection);
    for (const one of ids) if (this.selection.has(id)) next.delete(one);
    else next.add(one);
    this.selection = next;
  }

  selectAll(): void {
    this.selection = new Set((this.board.widgets ?? []).map(({ id }) => id));
  }

  /** Shows the selected ones moved by so many cells from where they were when the gesture began. */
  preview(begin: readonly Placed[], dx: number, dy: number): void {
    const cells = begin.filter(({ id }) => this.selection.has(id));
    if (cells.length === 0 || !this.own) return;
    // All of them stay within, and keep their distance.
    const left = Math.min(...cells.map(({ cell }) => cell.x));
    const right = Math.max(...cells.map(({ cell }) => cell.x + cell.w));
    const top = Math.min(...cells.map(({ cell }) => cell.y));
    const [x, y] = [Math.min(Math.max(dx, -left), this.columns - right), Math.max(dy, -top)];
    this.pending = pushed(begin, new Map(cells.map(({ id, cell }) => [id, { ...cell, x: cell.x + x, y: cell.y + y }])));
  }

  /** Shows one widget with another size. */
  resize(begin: readonly Placed[], id: string, dw: number, dh: number): void {
    const cell = begin.find((one) => one.id === id)?.cell;
    if (!cell || !this.own) return;
    const w = Math.min(cell.w + dw, this.columns - cell.x);
    const next = clamped({ ...cell, w, h: cell.h + dh }, this.columns, this.least(id));
    this.pending = pushed(begin, new Map([[id, next.x === cell.x ? next : { ...next, x: cell.x, w: this.columns - cell.x }]]));
  }

  /** Drops what is shown and not saved. */
  cancel(): void {
    this.pending = undefined;
  }

  /** Saves where the widgets are now, as one step. */
  async commit(): Promise<void> {
    const mine = this.pending;
    if (!mine) return;
    const moved = changed(this.saved, mine);
    if (moved.length === 0) return this.cancel();
    await this.#send(this.#moves(moved), async () => this.#clash(mine, moved));
    // A gesture that began meanwhile goes on.
    if (this.pending === mine && !this.clash) this.cancel();
  }

  /** Gives every widget the cell that it has here, also where it would stand there anyway. */
  async keepAll(placed: readonly Placed[]): Promise<void> {
    await this.#send(this.#moves(placed), this.#again);
  }

  #moves(moved: readonly Placed[]): Step[] {
    return moved.flatMap(({ id, cell }) => {
      const entry = this.entry(id);
      return entry ? [{ move: id, etag: entry.etag, layout: { ...entry.layout, [this.size]: cell } }] : [];
    });
  }

  /** Somebody changed one of them: if they did not move it, both changes go together. */
  async #clash(mine: Placed[], moved: readonly Placed[]): Promise<void> {
    const before = new Map(moved.map(({ id }) => [id, JSON.stringify(this.entry(id)?.layout?.[this.size])]));
    await this.board.load();
    const ids = moved.map(({ id }) => id).filter((id) => this.entry(id) && JSON.stringify(this.entry(id)?.layout?.[this.size]) !== before.get(id));
    if (ids.length > 0) this.clash = { mine, ids };
    else await this.#send(this.#moves(moved), async (problem) => void (this.problem = problem));
  }

  /** Ends a clash: with my layout, or with theirs. */
  async settle(keep: 'mine' | 'theirs'): Promise<void> {
    const clash = this.clash;
    this.clash = undefined;
    if (!clash) return;
    if (keep === 'theirs') return this.cancel();
    this.pending = clash.mine;
    await this.commit();
  }

  /** Sends steps as one change; what the daemon tells of them is taken at once. */
  async #send(steps: Step[], conflict: (problem: Problem) => Promise<void>): Promise<WidgetEntry[]> {
    if (steps.length === 0) return [];
    this.saving += 1;
    this.problem = undefined;
    try {
      const { items } = await changeWidgets(steps);
      this.board.put(items, steps.flatMap((step) => ('remove' in step ? [step.remove] : [])));
      void house.look();
      return items;
    } catch (cause) {
      const problem = asProblem(cause);
      if (problem.status === CONFLICT) await conflict(problem);
      else {
        this.problem = problem;
        this.cancel();
      }
      return [];
    } finally {
      this.saving -= 1;
    }
  }

  /** Somebody changed what these steps are about: what they made of it is shown, and nothing is done. */
  readonly #again = async (problem: Problem): Promise<void> => {
    this.problem = problem;
    await this.board.load();
  };

  /** Adds widgets; they are selected then. */
  async add(bodies: readonly WidgetBody[]): Promise<void> {
    const steps = bodies.map((body) => ({ add: { ...body, dashboard: this.board.page } }));
    const items = await this.#send(steps, this.#again);
    if (items.length > 0) this.selection = new Set(items.map(({ id }) => id));
  }

  /** A widget of this kind at a cell, or where there is room. */
  addKind(kind: WidgetKind, at?: { x: number; y: number }, facts?: Facts): Promise<void> {
    const body = facts ? widgetFor(kind, facts) : { kind: kind.kind };
    return this.addAt(body, kind.size, at);
  }

  async addAt(body: WidgetBody, { w, h }: { w: number; h: number }, at?: { x: number; y: number }): Promise<void> {
    // Where a size has no layout of its own, a new one gets its place on the wall.
    const size = this.own ? this.size : 'wall';
    const { columns } = gridOf(this.page(), size);
    const placed = this.own ? this.placed : layoutOf(this.page(), this.board.widgets ?? [], 'wall', (id) => this.#wish(id));
    const cell = at && this.own ? clamped({ ...at, w, h }, columns) : firstFree(placed, { w, h }, columns);
    const NEW = '\u0000new';
    const after = pushed([...placed, { id: NEW, cell }], new Map([[NEW, cell]]));
    const moved = changed(placed, after.filter(({ id }) => id !== NEW));
    const steps: Step[] = [{ add: { ...body, dashboard: this.board.page, layout: { [size]: cell } } }, ...this.#moves(moved)];
    const items = await this.#send(steps, this.#again);
    const added = items.find(({ id }) => !placed.some((one) => one.id === id));
    if (added) this.selection = new Set([added.id]);
  }

  async remove(): Promise<void> {
    const steps = this.chosen.map(({ id, etag }) => ({ remove: id, etag }));
    this.select(undefined);
    await this.#send(steps, this.#again);
  }

  /** Binds what is selected together, or takes it apart. */
  async group(together: boolean): Promise<void> {
    const word = together ? `g${Date.now().toString(36)}` : '';
    await this.#send(this.chosen.map(({ id, etag }) => ({ move: id, etag, group: word })), this.#again);
  }

  copied(): { body: WidgetBody; cell: Cell }[] {
    return this.chosen.flatMap((entry) => {
      const cell = this.cellOf(entry.id);
      return cell ? [{ body: bodyOf(entry), cell }] : [];
    });
  }

  /** False when there is more than a clipboard takes. */
  copy(): boolean {
    const text = JSON.stringify(this.copied());
    if (text.length > MOST_COPIED) return false;
    localStorage.setItem(CLIPBOARD, text);
    return true;
  }

  async paste(): Promise<void> {
    let copied: { body: WidgetBody; cell: Cell }[];
    try {
      copied = JSON.parse(localStorage.getItem(CLIPBOARD) ?? '[]') as typeof copied;
    } catch {
      return;
    }
    if (!Array.isArray(copied) || copied.length === 0) return;
    // What is pasted beside its original is a group of its own.
    const groups = new Map<string, string>();
    const fresh = (group: string) => groups.get(group) ?? (groups.set(group, `g${Date.now().toString(36)}${groups.size}`), groups.get(group)!);
    const bodies = shifted(copied, bottom(this.placed), this.size).map((body) => (body.group ? { ...body, group: fresh(body.group) } : body));
    await this.add(bodies);
  }

  /** Takes back the last thing that this person did, or does it again. Undefined when there was none. */
  async turn(way: 'undo' | 'redo'): Promise<Undone | undefined> {
    const head = house.state?.[way];
    if (!head) return undefined;
    this.cancel();
    this.saving += 1;
    this.problem = undefined;
    try {
      return await (way === 'undo' ? undo : redo)(head.change);
    } catch (cause) {
      this.problem = asProblem(cause);
      return undefined;
    } finally {
      this.saving -= 1;
      await Promise.all([this.board.load(), house.load()]);
    }
  }

  /** The title that a new one gets. */
  static titleFor = titleFor;
}
