// A page that is being edited: what is selected, and every change as one step that can be undone.
import {
  type Cell,
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
import { asProblem, type Problem } from '../../api/http';
import type { Facts, WidgetKind } from '../../widgets/kind';
import { kindOf } from '../../widgets/registry';
import type { Board } from './board.svelte';
import { bodyOf, shifted, widgetFor } from './body';
import { bottom, changed, clamped, firstFree, gridOf, isOwn, layoutOf, type Placed, pushed, sizeFor } from './grid';
import { house } from './house.svelte';
import { isOvertaken, MOST_TRIES, Moving } from './moving.svelte';

const CLIPBOARD = 'fieldrail.widgets';
/** Bytes that the clipboard of a browser takes. */
const MOST_COPIED = 1_000_000;

/** A widget to be, and where it stands to others that come with it. */
export interface Copied {
  body: WidgetBody;
  cell: Cell;
}

export class Editing {
  selection = $state.raw<ReadonlySet<string>>(new Set());
  /** At first that of the screen before which one sits. */
  size = $state<Size>(sizeFor(innerWidth));
  saving = $state.raw(0);
  problem = $state.raw<Problem>();
  readonly moving: Moving;

  constructor(
    readonly board: Board,
    readonly page: () => DashboardEntry,
  ) {
    this.moving = new Moving({
      entry: (id) => this.entry(id),
      layout: (size) => this.#layout(size),
      send: async (steps) => (await this.#send(steps)).problem,
      load: () => board.load(),
      tell: (problem) => (this.problem = problem),
    });
  }

  columns = $derived.by(() => gridOf(this.page(), this.size).columns);
  own = $derived.by(() => isOwn(this.page(), this.size));
  saved: Placed[] = $derived.by(() => this.#layout(this.size));
  placed: Placed[] = $derived.by(() => this.moving.shown(this.saved, this.size));
  chosen: WidgetEntry[] = $derived.by(() => (this.board.widgets ?? []).filter(({ id }) => this.selection.has(id)));

  #layout(size: Size): Placed[] {
    return layoutOf(this.page(), this.board.widgets ?? [], size, (id) => this.#wish(id));
  }

  #wish(id: string) {
    return kindOf(this.board.live.get(id)?.entry.kind ?? '')?.size ?? { w: 2, h: 2 };
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
    this.moving.hold(this.size, new Map(cells.map(({ id, cell }) => [id, { ...cell, x: cell.x + x, y: cell.y + y }])));
  }

  /** Shows one widget with another size. */
  resize(begin: readonly Placed[], id: string, dw: number, dh: number): void {
    const cell = begin.find((one) => one.id === id)?.cell;
    if (!cell || !this.own) return;
    const w = Math.min(cell.w + dw, this.columns - cell.x);
    const next = clamped({ ...cell, w, h: cell.h + dh }, this.columns, this.least(id));
    const fits = next.x === cell.x ? next : { ...next, x: cell.x, w: this.columns - cell.x };
    this.moving.hold(this.size, new Map([[id, fits]]));
  }

  /** Drops what is shown and not saved. */
  cancel(): void {
    this.moving.cancel();
  }

  /** Saves where the widgets are now, as one step. */
  commit(): Promise<void> {
    return this.#working(() => this.moving.save());
  }

  /** Ends a clash: with my layout, or with theirs. */
  settle(keep: 'mine' | 'theirs'): Promise<void> {
    return this.#working(() => this.moving.settle(keep));
  }

  /** It counts as being saved until it is, or was refused, however often it is tried. */
  async #working<T>(work: () => Promise<T>): Promise<T> {
    this.problem = undefined;
    this.saving += 1;
    try {
      return await work();
    } finally {
      this.saving -= 1;
    }
  }

  /** Gives every widget the cell that it has here, also where it would stand there anyway. */
  async keepAll(placed: readonly Placed[]): Promise<void> {
    await this.#tell(this.moving.steps(this.size, placed));
  }

  /** Sends steps as one change; what the daemon tells of them is taken at once. */
  async #send(steps: Step[]): Promise<{ items: WidgetEntry[]; problem?: Problem }> {
    if (steps.length === 0) return { items: [] };
    try {
      const { items } = await changeWidgets(steps);
      this.board.put(items, steps.flatMap((step) => ('remove' in step ? [step.remove] : [])));
      void house.look();
      return { items };
    } catch (cause) {
      return { items: [], problem: asProblem(cause) };
    }
  }

  /** The same for what is not made anew on what others saved: a refusal is told, and what is there is shown. */
  #tell(steps: Step[]): Promise<void> {
    return this.#working(async () => {
      const { problem } = await this.#send(steps);
      if (!problem) return;
      this.problem = problem;
      await this.board.load();
    });
  }

  /** Adds widgets, which are selected then. `steps` makes them for what is there at this moment: others add and move too. */
  #add(steps: () => Step[]): Promise<void> {
    return this.#working(() => this.#addOn(steps));
  }

  async #addOn(steps: () => Step[]): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const there = new Set((this.board.widgets ?? []).map(({ id }) => id));
      const { items, problem } = await this.#send(steps());
      if (!problem) {
        const added = items.filter(({ id }) => !there.has(id));
        if (added.length > 0) this.selection = new Set(added.map(({ id }) => id));
        return;
      }
      if (!isOvertaken(problem) || tries === MOST_TRIES) return void (this.problem = problem);
      await this.board.load();
    }
  }

  /** Adds widgets below all others, lying to each other as they do here. */
  add(copied: readonly Copied[]): Promise<void> {
    return this.#add(() => {
      const size = this.#target();
      const bodies = shifted(copied, bottom(this.#layout(size)), size);
      return bodies.map((body) => ({ add: { ...body, dashboard: this.board.page } }));
    });
  }

  /** Where a size has no layout of its own, a new one gets its place on the wall. */
  #target = (): Size => (this.own ? this.size : 'wall');

  /** A widget of this kind at a cell, or where there is room. */
  addKind(kind: WidgetKind, at?: { x: number; y: number }, facts?: Facts): Promise<void> {
    const body = facts ? widgetFor(kind, facts) : { kind: kind.kind };
    return this.addAt(body, kind.size, at);
  }

  addAt(body: WidgetBody, { w, h }: { w: number; h: number }, at?: { x: number; y: number }): Promise<void> {
    return this.#add(() => {
      const size = this.#target();
      const { columns } = gridOf(this.page(), size);
      const placed = this.#layout(size);
      const cell = at && this.own ? clamped({ ...at, w, h }, columns) : firstFree(placed, { w, h }, columns);
      const NEW = '\u0000new';
      const after = pushed([...placed, { id: NEW, cell }], new Map([[NEW, cell]]));
      const moved = changed(placed, after.filter(({ id }) => id !== NEW));
      return [{ add: { ...body, dashboard: this.board.page, layout: { [size]: cell } } }, ...this.moving.steps(size, moved)];
    });
  }

  async remove(): Promise<void> {
    const steps = this.chosen.map(({ id, etag }) => ({ remove: id, etag }));
    this.select(undefined);
    await this.#tell(steps);
  }

  /** Binds what is selected together, or takes it apart. */
  async group(together: boolean): Promise<void> {
    const word = together ? `g${Date.now().toString(36)}` : '';
    await this.#tell(this.chosen.map(({ id, etag }) => ({ move: id, etag, group: word })));
  }

  copied(): Copied[] {
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
    let copied: Copied[];
    try {
      copied = JSON.parse(localStorage.getItem(CLIPBOARD) ?? '[]') as typeof copied;
    } catch {
      return;
    }
    if (!Array.isArray(copied) || copied.length === 0) return;
    // What is pasted beside its original is a group of its own.
    const groups = new Map<string, string>();
    const fresh = (group: string) => groups.get(group) ?? (groups.set(group, `g${Date.now().toString(36)}${groups.size}`), groups.get(group)!);
    const own = copied.map(({ body, cell }) => ({ cell, body: body.group ? { ...body, group: fresh(body.group) } : body }));
    await this.add(own);
  }

  /** Takes back the last thing that this person did, or does it again. Undefined when there was none. */
  async turn(way: 'undo' | 'redo'): Promise<Undone | undefined> {
    const head = house.state?.[way];
    if (!head) return undefined;
    this.cancel();
    return this.#working(async () => {
      try {
        return await (way === 'undo' ? undo : redo)(head.change);
      } catch (cause) {
        this.problem = asProblem(cause);
        return undefined;
      } finally {
        await Promise.all([this.board.load(), house.load()]);
      }
    });
  }

}
