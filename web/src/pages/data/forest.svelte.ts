// All trees of the page: what is unfolded, what is on its way, and what failed. Each instance is asked one thing at a time, so
// that a slow one holds up only itself.
import { browseNodes, findNodes, type Narrow, type TreeNode } from '../../api/data';
import { asProblem, isAbort } from '../../api/http';
import type { Page } from '../../api/types';
import { Branch, merge, recount } from './branch';

/** Children on one page. */
export const PAGE = 1_000;
/** Results on one page: a search shows its first ones at once. */
const FOUND = 60;
/** Branches that one key unfolds at the most. */
export const MOST_UNFOLDED = 200;
/** So deep, and so many pages of children, a place in a tree is looked for. */
const DEEPEST = 32;
const MOST_PAGES = 20;
/** The list of what is followed is a tree beside those of the instances. */
export const FOLLOWED = '';

/** One page of the children of a branch. */
export type Ask = (branch: Branch, after: string | number | undefined, signal: AbortSignal) => Promise<Page<TreeNode>>;

/** The trees as the drivers tell them. */
export const browsing: Ask = (branch, after, signal) =>
  browseNodes(branch.instance, branch.node.path, { after, limit: PAGE }, signal);

/** At the roots what is found, below that the trees again. */
export function finding(narrow: Narrow): Ask {
  return async (branch, after, signal) => {
    if (branch.parent) return browsing(branch, after, signal);
    const page = await findNodes(branch.instance, narrow, false, { after, limit: FOUND }, signal);
    return { ...page, items: page.items.map((node) => ({ ...node, name: node.tag ?? node.path })) };
  };
}

/** What the data space knows of an instance that does not answer. */
async function known(instance: string, narrow: Narrow, signal: AbortSignal): Promise<TreeNode[]> {
  const { items } = await findNodes(instance, narrow, true, { limit: PAGE }, signal);
  return items.map((node) => ({ ...node, name: node.tag ?? node.path }));
}

const EVERYTHING: Narrow = { search: '', kind: '', quality: '' };

export class Forest {
  /** Rises with each change of what rows there are. */
  version = $state.raw(0);
  roots: Branch[] = [];
  #abort = new AbortController();
  #turns = new Map<string, Promise<void>>();
  /** Whether what is followed was unfolded once by itself. */
  #unfolded = false;
  /** Instances in which nothing was found. */
  #empty = new Set<string>();

  constructor(
    readonly ask: Ask = browsing,
    readonly narrow: Narrow = EVERYTHING,
  ) {}

  /** These are the roots now; those that stay keep what is unfolded. */
  plant(wanted: { instance: string; name: string; id: string }[]): void {
    const before = new Map(this.roots.map((root) => [root.instance, root]));
    this.roots = wanted.filter(({ instance }) => !this.#empty.has(instance)).map(({ instance, name, id }) => {
      const node: TreeNode = { name, path: '', children: true };
      if (id !== name) node.comment = id;
      const root = before.get(instance) ?? new Branch(instance, node);
      root.node = node;
      return root;
    });
    this.version += 1;
  }

  async open(branch: Branch): Promise<void> {
    if (!branch.node.children || branch.isOpen) return;
    branch.isOpen = true;
    this.#changed(branch);
    if (!branch.loaded && !branch.loading) await this.#load(branch, undefined);
  }

  close(branch: Branch): void {
    branch.isOpen = false;
    this.#changed(branch);
  }

  toggle(branch: Branch): void {
    if (branch.isOpen) this.close(branch);
    else void this.open(branch);
  }

  /**
   * Unfolds what leads to a place in an instance's tree, and returns the branch there, or the nearest above it that there is.
   * Which folder a path lies in is told by the paths themselves: that of the folder is its beginning.
   */
  async reach(instance: string, path: string): Promise<Branch | undefined> {
    let at = this.roots.find((root) => root.instance === instance);
    for (let depth = 0; at && depth < DEEPEST; depth += 1) {
      await this.open(at);
      await this.#turns.get(instance);
      const below = at.node.path === path ? undefined : await this.#towards(at, path);
      if (!below) return at;
      at = below;
    }
    return at;
  }

  /** The child with this path, else the one whose path is the longest beginning of it. */
  async #towards(branch: Branch, path: string): Promise<Branch | undefined> {
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const exact = branch.children.find(({ node }) => node.path === path);
      if (exact) return exact;
      if (branch.next === undefined || branch.problem) break;
      await this.more(branch);
      await this.#turns.get(branch.instance);
    }
    const holds = ({ node }: Branch) => node.children && path.startsWith(node.path) && node.path.length > branch.node.path.length;
    return branch.children.filter(holds).sort((a, b) => b.node.path.length - a.node.path.length)[0];
  }

  /** Unfolds a branch and its siblings. */
  openSiblings(branch: Branch): void {
    const siblings = branch.parent ? branch.parent.children : this.roots;
    for (const sibling of siblings.slice(0, MOST_UNFOLDED)) void this.open(sibling);
  }

  /** The next page of its children. */
  async more(branch: Branch): Promise<void> {
    if (!branch.loading && branch.next !== undefined && !branch.problem) await this.#load(branch, branch.next);
  }

  /** Asks again after a failure. */
  async retry(branch: Branch): Promise<void> {
    if (!branch.loading) await this.#load(branch, branch.loaded ? branch.next : undefined);
  }

  /** Asks again for what is shown, unseen; of a branch with several pages only if a person wants it. */
  async refresh(branch: Branch, { asked = false } = {}): Promise<void> {
    if (!branch.isOpen || branch.loading || branch.instance === FOLLOWED) return;
    if (!asked && branch.loaded && !branch.problem && (branch.next !== undefined || branch.children.length > PAGE)) return;
    branch.loading = true;
    await this.#inTurn(branch, async (signal) => {
      const { items, next } = await this.ask(branch, undefined, signal);
      branch.problem = undefined;
      merge(branch, items);
      branch.next = next;
      branch.loaded = true;
    }, { unseen: !asked });
  }

  /** Asks anew for all that is unfolded of a tree, since it is another one now. */
  async refreshAll(branch: Branch): Promise<void> {
    await this.refresh(branch, { asked: true });
    await Promise.all(branch.children.map((child) => this.refreshAll(child)));
  }

  /** The list of what is followed. */
  follow(addresses: readonly string[]): void {
    const root = this.roots.find(({ instance }) => instance === FOLLOWED);
    if (!root) return;
    merge(root, addresses.map((address) => ({ name: address, path: '', tag: address, address, children: false })));
    root.loaded = true;
    root.isOpen ||= !this.#unfolded;
    this.#unfolded = true;
    this.#changed(root);
  }

  /** Gives up everything that is on its way. */
  end(): void {
    this.#abort.abort();
  }

  async #load(branch: Branch, after: string | number | undefined): Promise<void> {
    branch.loading = true;
    branch.problem = undefined;
    this.#changed(branch);
    await this.#inTurn(branch, async (signal) => {
      const { items, next } = await this.ask(branch, after, signal);
      if (after === undefined) merge(branch, items);
      else for (const node of items) branch.children.push(new Branch(branch.instance, node, branch));
      branch.next = next;
      branch.loaded = true;
    });
  }

  #inTurn(branch: Branch, work: (signal: AbortSignal) => Promise<void>, { unseen = false } = {}): Promise<void> {
    const { signal } = this.#abort;
    const turn = (this.#turns.get(branch.instance) ?? Promise.resolve()).then(async () => {
      try {
        if (!signal.aborted) await work(signal);
      } catch (cause) {
        if (isAbort(cause) || signal.aborted) return;
        if (!unseen || !branch.loaded || branch.problem) await this.#fail(branch, cause, signal);
      } finally {
        branch.loading = false;
        if (!signal.aborted) this.#changed(branch);
      }
    });
    this.#turns.set(branch.instance, turn);
    return turn;
  }

  /** A tree that cannot be told shows, below the cause, what the data space knows of it. */
  async #fail(branch: Branch, cause: unknown, signal: AbortSignal): Promise<void> {
    branch.problem = asProblem(cause);
    if (branch.parent || branch.loaded) return;
    merge(branch, await known(branch.instance, this.narrow, signal).catch(() => []));
  }

  /** An instance in which nothing was found is no row. */
  #prune(branch: Branch): void {
    const isEmpty = branch.loaded && branch.children.length === 0 && branch.next === undefined && !branch.problem;
    if (branch.parent || this.narrow === EVERYTHING || !isEmpty) return;
    this.#empty.add(branch.instance);
    this.roots = this.roots.filter((root) => root !== branch);
  }

  #changed(branch: Branch): void {
    this.#prune(branch);
    recount(branch);
    this.version += 1;
  }
}
