// What differs between two texts, line by line: the shortest edit by Myers, without its long unchanged stretches.

export type DiffLine =
  | { kind: 'same' | 'added' | 'removed'; text: string; before?: number; after?: number }
  /** So many equal lines are left out. */
  | { kind: 'gap'; lines: number };

export interface Diff {
  lines: DiffLine[];
  added: number;
  removed: number;
}

/** Equal lines that are shown around a change. */
const CONTEXT = 3;
/** Lines that were added or removed, at the most: the effort grows with their square. */
const MOST_EDITS = 1_500;
/** Lines of one text, at the most. */
const MOST_LINES = 100_000;

/** What leads from `before` to `after`; nothing if that is too much to be shown. */
export function diff(before: string, after: string): Diff | undefined {
  const [a, b] = [split(before), split(after)];
  if (a.length > MOST_LINES || b.length > MOST_LINES) return undefined;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const middle = edits(a.slice(start, a.length - end), b.slice(start, b.length - end));
  if (!middle) return undefined;
  const kinds = [...Array<Edit>(start).fill('same'), ...middle, ...Array<Edit>(end).fill('same')];
  const lines = numbered(kinds, a, b);
  const count = (kind: string) => lines.filter((line) => line.kind === kind).length;
  return { lines: withoutStretches(lines), added: count('added'), removed: count('removed') };
}

type Edit = 'same' | 'added' | 'removed';

function split(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The shortest row of edits, forwards; nothing if it is longer than {@link MOST_EDITS}. */
function edits(a: string[], b: string[]): Edit[] | undefined {
  const most = Math.min(a.length + b.length, MOST_EDITS);
  // How far each diagonal reached, for each number of edits: the way back is read off it.
  const trace: Int32Array[] = [];
  let reach = new Int32Array(2 * most + 3);
  const middle = most + 1;
  for (let d = 0; d <= most; d += 1) {
    trace.push(reach.slice());
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && reach[middle + k - 1]! < reach[middle + k + 1]!);
      let x = down ? reach[middle + k + 1]! : reach[middle + k - 1]! + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach[middle + k] = x;
      if (x >= a.length && x - k >= b.length) return wayBack(trace, d, middle, a.length, b.length);
    }
  }
  return undefined;
}

function wayBack(trace: Int32Array[], last: number, middle: number, x: number, y: number): Edit[] {
  const found: Edit[] = [];
  for (let d = last; d > 0; d -= 1) {
    const reach = trace[d]!;
    const k = x - y;
    const down = k === -d || (k !== d && reach[middle + k - 1]! < reach[middle + k + 1]!);
    const before = down ? k + 1 : k - 1;
    const [fromX, fromY] = [reach[middle + before]!, reach[middle + before]! - before];
    while (x > fromX && y > fromY) {
      found.push('same');
      x -= 1;
      y -= 1;
    }
    found.push(down ? 'added' : 'removed');
    [x, y] = [fromX, fromY];
  }
  while (x > 0) {
    found.push('same');
    x -= 1;
  }
  return found.reverse();
}

function numbered(kinds: Edit[], a: string[], b: string[]): Exclude<DiffLine, { kind: 'gap' }>[] {
  let [before, after] = [0, 0];
  return kinds.map((kind) => {
    if (kind === 'removed') return { kind, text: a[before++]!, before };
    if (kind === 'added') return { kind, text: b[after++]!, after };
    after += 1;
    return { kind, text: a[before++]!, before, after };
  });
}

function withoutStretches(lines: Exclude<DiffLine, { kind: 'gap' }>[]): DiffLine[] {
  const near = new Uint8Array(lines.length);
  lines.forEach(({ kind }, at) => {
    if (kind !== 'same') near.fill(1, Math.max(0, at - CONTEXT), at + CONTEXT + 1);
  });
  const shown: DiffLine[] = [];
  for (const [at, line] of lines.entries()) {
    const last = shown.at(-1);
    if (near[at]) shown.push(line);
    else if (last?.kind === 'gap') last.lines += 1;
    else shown.push({ kind: 'gap', lines: 1 });
  }
  return shown;
}
