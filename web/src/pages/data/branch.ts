// The tree as it is unfolded, and its rows by number. Each branch knows how many rows it takes, so that a tree of a hundred
// thousand is never made into a list: a row is found by walking past what lies before it.
import type { Problem } from '../../api/http';
import type { TreeNode } from '../../api/data';

let last = 0;

/** The data space takes no longer address. */
const LONGEST_ADDRESS = 4_096;

export class Branch {
  /** Unique on this page. */
  readonly id = ++last;
  children: Branch[] = [];
  isOpen = false;
  loading = false;
  problem: Problem | undefined;
  /** What to ask for more of its children with. */
  next: string | number | undefined;
  /** Whether its children were ever told. */
  loaded = false;
  /** Came while somebody looked. */
  isNew = false;
  /** Rows of itself, of all that is unfolded below it, and of its note. */
  rows = 1;

  constructor(
    readonly instance: string,
    public node: TreeNode,
    readonly parent?: Branch,
  ) {}

  get level(): number {
    return this.parent ? this.parent.level + 1 : 1;
  }

  /** Where its value is, if it has one that the data space takes. */
  get address(): string | undefined {
    const { address, tag } = this.node;
    const whole = address ?? (tag === undefined ? undefined : `${this.instance}.${tag}`);
    return whole !== undefined && whole.length <= LONGEST_ADDRESS ? whole : undefined;
  }

  get root(): Branch {
    return this.parent ? this.parent.root : this;
  }
}

/** What stands below an unfolded branch instead of, or after, its children. */
export type Note = 'loading' | 'empty' | 'problem' | 'more';

export type Row =
  | { kind: 'branch'; index: number; branch: Branch; node: TreeNode; isOpen: boolean; position: number; of: number }
  | { kind: Note; index: number; branch: Branch };

/** The note has its cause, its hint and a button. */
export const PROBLEM_ROWS = 2;

export function noteOf(branch: Branch): Note | undefined {
  if (!branch.isOpen) return undefined;
  if (branch.problem) return 'problem';
  if (branch.loading && !branch.loaded) return 'loading';
  if (branch.next !== undefined) return 'more';
  return branch.loaded && branch.children.length === 0 ? 'empty' : undefined;
}

function noteRows(branch: Branch): number {
  const note = noteOf(branch);
  return note === undefined ? 0 : note === 'problem' ? PROBLEM_ROWS : 1;
}

/** Counts a branch anew after it has changed, and all above it. */
export function recount(branch: Branch): void {
  for (let at: Branch | undefined = branch; at; at = at.parent) {
    let rows = 1;
    if (at.isOpen) {
      for (const child of at.children) rows += child.rows;
      rows += noteRows(at);
    }
    at.rows = rows;
  }
}

export function countRows(roots: readonly Branch[]): number {
  return roots.reduce((sum, root) => sum + root.rows, 0);
}

/** The rows from number `from` to before `to`; a note of several rows is given once. */
export function rowsBetween(roots: readonly Branch[], from: number, to: number): Row[] {
  const rows: Row[] = [];
  let index = 0;
  function walk(branches: readonly Branch[]): void {
    let position = 0;
    for (const branch of branches) {
      position += 1;
      if (index >= to) return;
      if (index + branch.rows <= from) {
        index += branch.rows;
        continue;
      }
      if (index >= from) {
        const { node, isOpen } = branch;
        rows.push({ kind: 'branch', index, branch, node, isOpen, position, of: branches.length });
      }
      index += 1;
      if (!branch.isOpen) continue;
      walk(branch.children);
      const kind = noteOf(branch);
      if (kind === undefined) continue;
      const size = noteRows(branch);
      if (index < to && index + size > from) rows.push({ kind, index, branch });
      index += size;
    }
  }
  walk(roots);
  return rows;
}

/** The same rows, where one is as it was that very object: nothing of it has to be drawn anew. */
export function keptRows(rows: readonly Row[], before: readonly Row[]): Row[] {
  const shift = (rows[0]?.index ?? 0) - (before[0]?.index ?? 0);
  return rows.map((row, n) => {
    const old = before[n + shift];
    return old && isSame(row, old) ? old : row;
  });
}

function isSame(a: Row, b: Row): boolean {
  if (a.branch !== b.branch || a.index !== b.index) return false;
  if (a.kind !== 'branch' || b.kind !== 'branch') return a.kind === b.kind && a.kind === 'more';
  return a.node === b.node && a.isOpen === b.isOpen && a.position === b.position && a.of === b.of;
}

/** The number of a branch's row; -1 if it is folded away or gone. */
export function indexOf(roots: readonly Branch[], branch: Branch): number {
  const siblings = branch.parent ? branch.parent.children : roots;
  if (branch.parent && !branch.parent.isOpen) return -1;
  let index = branch.parent ? indexOf(roots, branch.parent) : 0;
  if (index < 0) return -1;
  if (branch.parent) index += 1;
  for (const sibling of siblings) {
    if (sibling === branch) return index;
    index += sibling.rows;
  }
  return -1;
}

/** The nearest row at or after `index` in the direction that is a branch. */
export function branchNear(roots: readonly Branch[], index: number, direction: 1 | -1): Branch | undefined {
  const count = countRows(roots);
  for (let at = Math.min(Math.max(index, 0), count - 1); at >= 0 && at < count; at += direction) {
    const [row] = rowsBetween(roots, at, at + 1);
    if (row?.kind === 'branch') return row.branch;
  }
  return undefined;
}

/** All unfolded branches in the order of their rows, from behind `after` on and round. */
export function* branchesAfter(roots: readonly Branch[], after: Branch | undefined): Generator<Branch> {
  function* walk(branches: readonly Branch[]): Generator<Branch> {
    for (const branch of branches) {
      yield branch;
      if (branch.isOpen) yield* walk(branch.children);
    }
  }
  const before: Branch[] = [];
  let passed = after === undefined;
  for (const branch of walk(roots)) {
    if (passed) yield branch;
    else before.push(branch);
    if (branch === after) passed = true;
  }
  yield* before;
}

/** Children as they are told now, in their order; those that were there before stay themselves, with what is unfolded below. */
export function merge(branch: Branch, nodes: readonly TreeNode[]): void {
  const key = ({ path, tag }: TreeNode) => JSON.stringify([path, tag]);
  const before = new Map(branch.children.map((child) => [key(child.node), child]));
  branch.children = nodes.map((node) => {
    const known = before.get(key(node));
    const child = known ?? new Branch(branch.instance, node, branch);
    child.node = node;
    child.isNew = known === undefined && branch.loaded;
    if (!node.children && child.isOpen) child.isOpen = false;
    if (!child.isOpen) child.rows = 1;
    return child;
  });
}
