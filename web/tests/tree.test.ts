import { expect, test, vi } from 'vitest';
import type { TreeNode } from '../src/api/data';
import type { Page } from '../src/api/types';
import { Problem } from '../src/api/http';
import { Points } from '../src/live/points.svelte';
import { Branch, branchesAfter, branchNear, countRows, indexOf, merge, recount, rowsBetween } from '../src/pages/data/branch';
import { folded as foldedText } from '../src/format/fold';
import { type Ask, Forest } from '../src/pages/data/forest.svelte';
import { Watch } from '../src/pages/data/watch.svelte';

const leaf = (name: string): TreeNode => ({ name, path: name, tag: name, children: false });
const folder = (name: string): TreeNode => ({ name, path: name, children: true });

function opened(branch: Branch, nodes: TreeNode[]): Branch {
  merge(branch, nodes);
  branch.isOpen = true;
  branch.loaded = true;
  recount(branch);
  return branch;
}

/** a(open: a1, a2(open, empty)), b(open, failed), c. */
function tree(): Branch[] {
  const roots = ['a', 'b', 'c'].map((id) => new Branch(id, folder(id)));
  const [a, b] = roots as [Branch, Branch];
  opened(a, [leaf('a1'), folder('a2')]);
  opened(a.children[1] as Branch, []);
  a.next = 'more';
  recount(a);
  b.isOpen = true;
  b.problem = new Problem(503, 'x', 'down');
  recount(b);
  return roots;
}
const words = (roots: Branch[], from = 0, to = 99) =>
  rowsBetween(roots, from, to).map(({ index, kind, branch }) => `${index} ${branch.node.name} ${kind}`);

test('the rows are what is unfolded, with a note where something is missing', () => {
  const all = ['0 a branch', '1 a1 branch', '2 a2 branch', '3 a2 empty', '4 a more', '5 b branch', '6 b problem', '8 c branch'];
  expect(words(tree())).toEqual(all);
  expect(countRows(tree())).toBe(9);
  expect(words(tree(), 3, 6)).toEqual(all.slice(3, 6));
  // A note of two rows is there as long as one of them is.
  expect(words(tree(), 7, 9)).toEqual(['6 b problem', '8 c branch']);
  expect(words(tree(), 9, 20)).toEqual([]);
  expect(words([], 0, 20)).toEqual([]);
});

test('each row is found again by its branch, and what is folded away is not', () => {
  const roots = tree();
  for (const row of rowsBetween(roots, 0, 99)) if (row.kind === 'branch') expect(indexOf(roots, row.branch)).toBe(row.index);
  const [a] = roots as [Branch];
  const inside = a.children[0] as Branch;
  a.isOpen = false;
  recount(a);
  expect(indexOf(roots, inside)).toBe(-1);
  expect(countRows(roots)).toBe(5);
  expect(branchNear(roots, 3, 1)?.node.name).toBe('c');
  expect(branchNear(roots, 3, -1)?.node.name).toBe('b');
  expect(branchNear(roots, 99, 1)?.node.name).toBe('c');
});

test('a hundred thousand rows are counted and reached without a list of them', () => {
  const roots = [new Branch('x', folder('x'))];
  opened(roots[0] as Branch, Array.from({ length: 100 }, (_, n) => folder(`f${n}`)));
  for (const child of roots[0]?.children ?? []) opened(child, Array.from({ length: 1000 }, (_, n) => leaf(`${child.node.name}.${n}`)));
  expect(countRows(roots)).toBe(100_101);
  expect(words(roots, 100_098, 100_101)).toEqual([98, 99, 100].map((n) => `${100_000 + n} f99.${897 + n + 2} branch`));
  expect([...branchesAfter(roots, roots[0])].length).toBe(100_101);
});

test('children that are told again stay themselves, with what is unfolded, and new ones are marked', () => {
  const root = opened(new Branch('m', folder('m')), [folder('a'), leaf('b')]);
  const [a, b] = root.children as [Branch, Branch];
  opened(a, [leaf('a1')]);
  merge(root, [leaf('0'), folder('a'), { ...leaf('b'), comment: '5' }]);
  recount(root);
  expect(root.children.map(({ node, isNew }) => `${node.name} ${isNew}`)).toEqual(['0 true', 'a false', 'b false']);
  expect(root.children.slice(1)).toEqual([a, b]);
  expect([b.node.comment, root.rows]).toEqual(['5', 5]);
});

test('letters are compared without their marks', () => {
  expect(foldedText('KÜCHE Straße')).toBe('kuche strasse');
  expect(foldedText('Ku\u0308che')).toBe('kuche');
});

interface Asked {
  branch: Branch;
  after: string | number | undefined;
  answer: (page: Page<TreeNode>) => void;
  fail: (cause: unknown) => void;
}
function forest(): { trees: Forest; asked: Asked[] } {
  const asked: Asked[] = [];
  const ask: Ask = (branch, after) =>
    new Promise((answer, fail) => {
      asked.push({ branch, after, answer, fail });
    });
  const trees = new Forest(ask);
  trees.plant(['slow', 'fast'].map((id) => ({ instance: id, name: id, id })));
  return { trees, asked };
}
const settled = () => new Promise((resolve) => setTimeout(resolve));

test('a slow instance holds up only itself', async () => {
  const { trees, asked } = forest();
  const [slow, fast] = trees.roots as [Branch, Branch];
  void trees.open(slow);
  void trees.open(fast);
  await settled();
  expect(asked.map(({ branch }) => branch.instance)).toEqual(['slow', 'fast']);
  asked[1]?.answer({ items: [folder('x'), folder('y')] });
  await settled();
  expect(words(trees.roots)).toEqual(['0 slow branch', '1 slow loading', '2 fast branch', '3 x branch', '4 y branch']);
  // Of one instance one question at a time.
  trees.openSiblings(fast.children[0] as Branch);
  await settled();
  expect(asked.length).toBe(3);
  asked[2]?.answer({ items: [] });
  await settled();
  expect(asked.length).toBe(4);
});

test('a tree that cannot be told says why, shows what is known, and can be asked again', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ items: [{ ...leaf('known'), name: 'x' }] }))));
  const { trees, asked } = forest();
  const [slow] = trees.roots as [Branch];
  void trees.open(slow);
  await settled();
  asked[0]?.fail(new Problem(503, 'Unavailable', 'it does not run'));
  await vi.waitFor(() => expect(words(trees.roots).slice(0, 3)).toEqual(['0 slow branch', '1 known branch', '2 slow problem']));
  void trees.retry(slow);
  await settled();
  asked[1]?.answer({ items: [leaf('b')], next: 'n' });
  await settled();
  expect(words(trees.roots).slice(0, 3)).toEqual(['0 slow branch', '1 b branch', '2 slow more']);
  void trees.more(slow);
  void trees.more(slow);
  await settled();
  expect(asked.slice(2).map(({ after }) => after)).toEqual(['n']);
  vi.unstubAllGlobals();
});

test('a branch that was folded meanwhile stays folded, and a refresh that fails changes nothing', async () => {
  const { trees, asked } = forest();
  const [slow] = trees.roots as [Branch];
  void trees.open(slow);
  trees.close(slow);
  await settled();
  asked[0]?.answer({ items: [leaf('a')] });
  await settled();
  expect(words(trees.roots)).toEqual(['0 slow branch', '1 fast branch']);
  void trees.open(slow);
  expect(asked.length).toBe(1);
  void trees.refresh(slow);
  await settled();
  asked[1]?.fail(new Problem(503, '', 'gone'));
  await settled();
  expect(words(trees.roots)).toEqual(['0 slow branch', '1 a branch', '2 fast branch']);
});

test('values are held for what is shown, asked for in bunches, and let go behind it', () => {
  vi.useFakeTimers();
  const sent: unknown[] = [];
  let due: (() => void)[] = [];
  const picture = () => due.splice(0).forEach((task) => task());
  const points = new Points((message) => sent.push(message), (task) => due.push(() => task(0)), () => Date.now());
  points.connected();
  const watch = new Watch(points);
  const show = (...addresses: string[]) => watch.show(new Map(addresses.map((address) => [address, undefined])));
  show('a', 'b');
  picture();
  for (const address of ['c', 'd', 'e']) {
    show('b', address);
    picture();
  }
  expect([...watch.points.keys()]).toEqual(['b', 'e']);
  expect(sent, 'what only passed by is never asked for').toEqual([{ subscribe: ['a', 'b'] }]);
  vi.advanceTimersByTime(200);
  picture();
  expect(sent.slice(1)).toEqual([{ unsubscribe: ['a'] }, { subscribe: ['e'] }]);
  watch.end();
  vi.advanceTimersByTime(200);
  picture();
  expect(sent.slice(3)).toEqual([{ unsubscribe: ['b', 'e'] }]);
  vi.useRealTimers();
});

test('a place in a tree is reached by its path, over pages of children, and where it is gone the nearest above it', async () => {
  const under: Record<string, TreeNode[][]> = {
    '': [[folder('Keller')], [folder('Dach'), leaf('Dachs')]],
    Dach: [[folder('Dach/Süd'), folder('Dach/S')]],
    'Dach/Süd': [[leaf('Dach/Süd/power')]],
  };
  const ask: Ask = async (branch, after = 0) => {
    const pages = under[branch.node.path] ?? [[]];
    const next = Number(after) + 1;
    return { items: pages[Number(after)] ?? [], ...(next < pages.length ? { next: String(next) } : {}) } as Page<TreeNode>;
  };
  const forest = new Forest(ask);
  forest.plant([{ instance: 'pv', name: 'PV', id: 'pv' }]);
  expect((await forest.reach('pv', 'Dach/Süd'))?.node.path).toBe('Dach/Süd');
  expect(words(forest.roots)).toEqual([
    '0 PV branch', '1 Keller branch', '2 Dach branch', '3 Dach/Süd branch', '4 Dach/Süd/power branch', '5 Dach/S branch', '6 Dachs branch',
  ]);
  expect((await forest.reach('pv', 'Dach/Süd/power'))?.node.path).toBe('Dach/Süd/power');
  expect((await forest.reach('pv', 'Dach/Nord'))?.node.path).toBe('Dach');
  expect(await forest.reach('nobody', 'x')).toBeUndefined();
});
