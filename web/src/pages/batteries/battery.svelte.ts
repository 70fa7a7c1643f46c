// One battery while it is looked at: which datapoints it has, and their values.
import { findNodes, type TreeNode } from '../../api/data';
import { asProblem, isAbort, type Problem } from '../../api/http';
import { points } from '../../live/live';
import type { Point } from '../../live/point.svelte';
import { type Pack, packsOf, WAKING } from './battery';

/** A battery says more with each poll at first; later hardly ever. */
const LOOKS_MS = [700, 1_500, 2_500, 5_000, 10_000, 20_000];
/** Nodes of one answer, and of all: sixteen packs with all that they have. */
const PAGE = 1_000;
const MOST = 4_000;

export class BatteryView {
  packs = $state.raw<Pack[]>();
  problem = $state.raw<Problem>();
  /** By address. */
  held = $state.raw<ReadonlyMap<string, Point>>(new Map());
  #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looks = 0;

  constructor(
    readonly id: string,
    readonly ask: (id: string, signal: AbortSignal) => Promise<TreeNode[]> = allNodes,
  ) {}

  /** Looks until the returned function is called. */
  start(): () => void {
    void this.look();
    return () => {
      this.#abort.abort();
      clearTimeout(this.#timer);
      for (const address of this.held.keys()) points.release(address);
      this.held = new Map();
    };
  }

  async look(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      if (!document.hidden) this.#take(packsOf(this.id, await this.ask(this.id, this.#abort.signal)));
      this.problem = undefined;
    } catch (cause) {
      if (this.#abort.signal.aborted || isAbort(cause)) return;
      this.problem = asProblem(cause);
    }
    if (this.#abort.signal.aborted) return;
    const wait = LOOKS_MS[Math.min(this.#looks, LOOKS_MS.length - 1)];
    this.#looks += 1;
    this.#timer = setTimeout(() => void this.look(), wait);
  }

  #take(packs: Pack[]): void {
    const wanted = new Set(packs.flatMap((pack) => [...[...pack.parts.values()].map(({ address }) => address), ...this.#waking(pack)]));
    const before = this.held;
    const after = new Map<string, Point>();
    for (const address of wanted) after.set(address, before.get(address) ?? points.hold(address));
    for (const address of before.keys()) if (!wanted.has(address)) points.release(address);
    const same = before.size === after.size && [...after.keys()].every((address) => before.has(address));
    if (!same) this.held = after;
    if (!same || !this.packs) this.packs = packs;
  }

  #waking({ name, cells, isBank }: Pack): string[] {
    return isBank || cells.length > 0 ? [] : [[this.id, name, WAKING].filter(Boolean).join('.')];
  }
}

async function allNodes(id: string, signal: AbortSignal): Promise<TreeNode[]> {
  const nodes: TreeNode[] = [];
  let after: string | number | undefined;
  do {
    const page = await findNodes(id, { search: '', kind: '', quality: '' }, false, { after, limit: PAGE }, signal);
    nodes.push(...page.items);
    after = page.next;
  } while (after !== undefined && nodes.length < MOST);
  return nodes;
}
