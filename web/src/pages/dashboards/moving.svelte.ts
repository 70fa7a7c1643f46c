// Widgets on their way to other cells: shown at once, saved as one step.
//
// Invariants: what is shown is what is saved now, with those that are held where they are held; so a drag that took a while
// takes back nothing that others moved meanwhile. What somebody else moved or removed since it was taken in hand is not
// written over: it is told.
import type { Cell, Size, Step, WidgetEntry } from '../../api/dashboards';
import type { Problem } from '../../api/http';
import { cutName } from '../../format/name';
import { i18n } from '../../i18n/i18n.svelte';
import { notices } from '../../ui/notices.svelte';
import { changed, type Placed, pushed } from './grid';

const CONFLICT = 412;
const GONE = 404;
const WRONG = 422;
/** So often a step is made anew on what others have just saved. */
export const MOST_TRIES = 4;

/** Whether somebody else was faster: changed what a step is about, removed it, or put something where it was to stand. */
export const isOvertaken = ({ status, at }: Problem): boolean =>
  status === CONFLICT || status === GONE || (status === WRONG && /(^|\.)layout\.(phone|tablet|wall)$/.test(at.key ?? ''));

/** What is moved by hand, from where to where. */
interface Gesture {
  size: Size;
  cells: ReadonlyMap<string, Cell>;
  /** As it was when it was taken in hand. */
  begun: ReadonlyMap<string, { cell: string; name: string }>;
}

/** What two people have placed at once. */
export interface LayoutClash {
  mine: Gesture;
  ids: string[];
}

/** The page on which things are moved. */
export interface Ground {
  entry: (id: string) => WidgetEntry | undefined;
  /** Where all stand at this size, as it is saved. */
  layout: (size: Size) => Placed[];
  /** The problem, if the steps were not done. */
  send: (steps: Step[]) => Promise<Problem | undefined>;
  load: () => Promise<void>;
  tell: (problem: Problem) => void;
}

const said = ({ x, y, w, h }: Cell) => `${x},${y},${w},${h}`;

export class Moving {
  clash = $state.raw<LayoutClash>();
  #held = $state.raw<Gesture>();
  /** Let go, and not saved yet. */
  #sent = $state.raw<readonly Gesture[]>([]);
  /** Where the last step from here put each. */
  readonly #own = new Map<string, string>();
  #line: Promise<void> = Promise.resolve();

  constructor(readonly ground: Ground) {}

  /** The saved layout with what is being moved. */
  shown(saved: Placed[], size: Size): Placed[] {
    const all = [...this.#sent, ...(this.#held ? [this.#held] : [])].filter((one) => one.size === size);
    return all.length === 0 ? saved : pushed(saved, new Map(all.flatMap(({ cells }) => [...cells])));
  }

  /** Shows these at other cells. They are not saved before `save`. */
  hold(size: Size, cells: ReadonlyMap<string, Cell>): void {
    const begun = new Map(this.#held?.size === size ? this.#held.begun : []);
    for (const id of cells.keys()) {
      if (begun.has(id)) continue;
      begun.set(id, { cell: this.#cell(id, size), name: this.ground.entry(id)?.title || id });
      this.#own.delete(`${size} ${id}`);
    }
    this.#held = { size, cells, begun };
  }

  /** Drops what is held. */
  cancel(): void {
    this.#held = undefined;
  }

  /** Saves what is held; one gesture after the other. */
  async save(): Promise<void> {
    const mine = this.#held;
    if (!mine) return;
    this.#held = undefined;
    this.#sent = [...this.#sent, mine];
    const saving = this.#line.then(() => this.#save(mine));
    this.#line = saving.finally(() => (this.#sent = this.#sent.filter((one) => one !== mine)));
    await this.#line;
  }

  /** Ends a clash: with my cells, or with theirs. */
  async settle(keep: 'mine' | 'theirs'): Promise<void> {
    const { mine } = this.clash ?? {};
    this.clash = undefined;
    this.cancel();
    if (!mine || keep === 'theirs') return;
    this.hold(mine.size, mine.cells);
    await this.save();
  }

  async #save(mine: Gesture): Promise<void> {
    this.#tellGone(mine);
    for (let tries = 0; ; tries += 1) {
      const ids = [...mine.cells.keys()].filter((id) => this.#isTheirs(id, mine));
      if (ids.length > 0) {
        this.clash = { mine, ids };
        // Mine is shown until it is decided.
        this.#held ??= mine;
        return;
      }
      const steps = this.steps(mine.size, this.#after(mine));
      if (steps.length === 0) return;
      const problem = await this.ground.send(steps);
      if (!problem) {
        for (const [id, cell] of mine.cells) this.#own.set(`${mine.size} ${id}`, said(cell));
        return;
      }
      if (!isOvertaken(problem) || tries === MOST_TRIES) return this.ground.tell(problem);
      await this.ground.load();
      if (problem.status === GONE) this.#tellGone(mine);
    }
  }

  /** Those that have another cell than is saved. */
  #after({ size, cells }: Gesture): Placed[] {
    const saved = this.ground.layout(size);
    const there = new Map([...cells].filter(([id]) => this.ground.entry(id)));
    const after = pushed(saved, there);
    const moved = new Set(changed(saved, after).map(({ id }) => id));
    if (moved.size === 0) return [];
    // What lay on another one is kept from now on where it is shown.
    const strays = (id: string, cell: Cell) => !['', said(cell)].includes(this.#cell(id, size));
    return after.filter(({ id, cell }) => moved.has(id) || strays(id, cell));
  }

  /** Steps that put these where they are here. */
  steps(size: Size, placed: readonly Placed[]): Step[] {
    return placed.flatMap(({ id, cell }) => {
      const entry = this.ground.entry(id);
      return entry ? [{ move: id, etag: entry.etag, layout: { ...entry.layout, [size]: cell } }] : [];
    });
  }

  #cell(id: string, size: Size): string {
    const cell = this.ground.entry(id)?.layout?.[size];
    return cell ? said(cell) : '';
  }

  #isTheirs(id: string, { size, begun }: Gesture): boolean {
    const now = this.#cell(id, size);
    return this.ground.entry(id) !== undefined && now !== begun.get(id)?.cell && now !== this.#own.get(`${size} ${id}`);
  }

  #tellGone({ cells, begun }: Gesture): void {
    const gone = [...cells.keys()].filter((id) => !this.ground.entry(id)).map((id) => cutName(begun.get(id)?.name ?? id, 40));
    if (gone.length === 0) return;
    const t = i18n.t.dashboards.race;
    notices.add('bad', t.goneMoved(gone.join(', ')), t.goneHint);
  }
}
