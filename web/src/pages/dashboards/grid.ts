// Cells on a grid: where widgets stand, what a move does to others, and how a small screen is derived from the wall. Pure.
//
// Invariant: what comes out of here lies within the columns, and no two cells overlap.
import type { Cell, Dashboard, Grid, Size } from '../../api/dashboards';

export interface Placed {
  id: string;
  cell: Cell;
}

/** What is asked for where a page says nothing. */
export const COLUMNS: Record<Size, number> = { phone: 4, tablet: 8, wall: 12 };
/** Height of a row and the space between cells, in pixels. */
export const ROW = 64;
export const GAP = 8;
/** The daemon takes no more. */
export const MOST_ROWS = 10_000;
const MOST_HEIGHT = 200;

/** What a widget takes where nobody placed it. */
export interface Wish {
  w: number;
  h: number;
}

export const gridOf = (page: Pick<Dashboard, 'grids'>, size: Size): Grid => ({
  ...page.grids?.[size],
  columns: page.grids?.[size]?.columns ?? COLUMNS[size],
});

/** Whether widgets have cells of their own at this size: on the wall they always have. */
export const isOwn = (page: Pick<Dashboard, 'grids'>, size: Size): boolean => size === 'wall' || page.grids?.[size]?.own === true;

export const overlap = (a: Cell, b: Cell): boolean => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** The cell within the columns, at least as large as `least`. */
export function clamped({ x, y, w, h }: Cell, columns: number, least: Wish = { w: 1, h: 1 }): Cell {
  const width = Math.min(columns, Math.max(Math.min(least.w, columns), w));
  const height = Math.min(MOST_HEIGHT, Math.max(least.h, h));
  return {
    x: Math.min(Math.max(0, x), columns - width),
    y: Math.min(Math.max(0, y), MOST_ROWS),
    w: width,
    h: height,
  };
}

const inOrder = (a: Placed, b: Placed) => a.cell.y - b.cell.y || a.cell.x - b.cell.x || (a.id < b.id ? -1 : 1);

/** What stands side by side, of rows that no cell reaches beyond. */
export interface Band {
  /** Its first row. */
  from: number;
  placed: Placed[];
}

/** The page from top to bottom in bands of at least `least` cells, each in the order in which one reads; the last may have fewer. */
export function bands(placed: readonly Placed[], least: number): Band[] {
  const all: Band[] = [];
  let end = 0;
  for (const one of [...placed].sort(inOrder)) {
    const band = all.at(-1);
    if (band && (one.cell.y < end || band.placed.length < least)) band.placed.push(one);
    else all.push({ from: end, placed: [one] });
    end = Math.max(end, one.cell.y + one.cell.h);
  }
  return all;
}

/** The lowest row that is free of all. */
export const bottom = (placed: readonly Placed[]): number => placed.reduce((most, { cell }) => Math.max(most, cell.y + cell.h), 0);

/** The first place from the top that is free, at or below row `from`. */
export function firstFree(placed: readonly Placed[], { w, h }: Wish, columns: number, from = 0): Cell {
  const width = Math.min(w, columns);
  const end = Math.max(from, bottom(placed));
  for (let y = from; y < end; y += 1) {
    const near = placed.filter(({ cell }) => cell.y < y + h && y < cell.y + cell.h);
    for (let x = 0; x + width <= columns; x += 1) {
      const cell = { x, y, w: width, h };
      const hit = near.find((one) => overlap(one.cell, cell));
      if (!hit) return cell;
      x = hit.cell.x + hit.cell.w - 1;
    }
  }
  return { x: 0, y: end, w: width, h };
}

/**
 * The layout with these cells instead of those that their widgets had. They stay where they are put; what they would cover
 * moves down as far as it has to, and what that would cover too.
 */
export function pushed(placed: readonly Placed[], moved: ReadonlyMap<string, Cell>): Placed[] {
  const fixed = placed.filter(({ id }) => moved.has(id)).map(({ id }) => ({ id, cell: moved.get(id)! }));
  // Of those that are moved together the upper ones stay.
  const standing: Placed[] = [];
  const others = placed.filter(({ id }) => !moved.has(id)).sort(inOrder);
  for (const one of [...fixed.sort(inOrder), ...others]) {
    let cell = one.cell;
    for (let hit = under(standing, cell); hit; hit = under(standing, cell)) cell = { ...cell, y: hit.cell.y + hit.cell.h };
    standing.push({ id: one.id, cell });
  }
  const byId = new Map(standing.map((one) => [one.id, one]));
  return placed.map(({ id }) => byId.get(id)!);
}

const under = (placed: readonly Placed[], cell: Cell) => placed.find((one) => overlap(one.cell, cell));

/** Those whose cell differs. */
export function changed(before: readonly Placed[], after: readonly Placed[]): Placed[] {
  const old = new Map(before.map(({ id, cell }) => [id, cell]));
  const same = (a: Cell, b: Cell) => a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h;
  return after.filter(({ id, cell }) => {
    const was = old.get(id);
    return !was || !same(was, cell);
  });
}

/**
 * Widgets of the wall on a smaller screen: in their order, as wide as they were as far as that goes. Two stand side by side where
 * half of the width is as much as their kind wishes.
 */
export function derived(wall: readonly Placed[], from: number, columns: number, wish: (id: string) => Wish): Placed[] {
  const scale = Math.min(1, COLUMNS.wall / from);
  const half = Math.floor(columns / 2);
  const out: Placed[] = [];
  const sharing = new Set<string>();
  for (const { id, cell } of [...wall].sort(inOrder)) {
    const scaled = Math.max(1, Math.round(cell.w * scale));
    // Beside more than half there is no room for another of its kind.
    const shares = scaled > half && scaled < columns && wish(id).w <= half;
    if (shares) sharing.add(id);
    const w = scaled <= half ? scaled : shares ? half : columns;
    // One row of them is filled before the next begins, so that the order of reading stays.
    const last = out.at(-1)?.cell;
    out.push({ id, cell: firstFree(out, { w, h: cell.h }, columns, last ? Math.max(0, last.y) : 0) });
  }
  // With whom nobody shares has all of it.
  return out.map((one) => {
    const whole = { ...one.cell, x: 0, w: columns };
    const isAlone = sharing.has(one.id) && out.every((other) => other === one || !overlap(other.cell, whole));
    return isAlone ? { id: one.id, cell: whole } : one;
  });
}

export interface Standing {
  id: string;
  layout?: Partial<Record<Size, Cell>>;
}

/** Where the widgets of a page stand at this size. What has no cell is put where there is room. */
export function layoutOf(page: Pick<Dashboard, 'grids'>, widgets: readonly Standing[], size: Size, wish: (id: string) => Wish): Placed[] {
  if (!isOwn(page, size)) {
    return derived(layoutOf(page, widgets, 'wall', wish), gridOf(page, 'wall').columns, gridOf(page, size).columns, wish);
  }
  const { columns } = gridOf(page, size);
  const standing = widgets.flatMap(({ id, layout }) => {
    const cell = layout?.[size];
    return cell ? [{ id, cell: clamped(cell, columns) }] : [];
  });
  // Two people may have put one widget each onto one place.
  const placed = pushed(standing, new Map());
  for (const { id, layout } of widgets) {
    if (!layout?.[size]) placed.push({ id, cell: firstFree(placed, wish(id), columns) });
  }
  return placed;
}

/** The size for a window of this width, in pixels. */
export const sizeFor = (width: number): Size => (width <= 640 ? 'phone' : width <= 1_099 ? 'tablet' : 'wall');
