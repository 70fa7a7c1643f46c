// The tree of what can be browsed. Children are fetched when a branch unfolds and forgotten when it folds, so that the
// daemon serves only what is looked at.
import { browse } from '../../api/endpoints';
import { asProblem, type Problem } from '../../api/http';
import type { BrowseNode } from '../../api/types';
import type { Point } from '../../live/point.svelte';
import type { Points } from '../../live/points.svelte';

export class Branch {
  /** Undefined while folded. */
  children = $state.raw<Branch[]>();
  loading = $state.raw(false);
  problem = $state.raw<Problem>();
  next = $state.raw<string | number>();
  /** Its live value, if it has one. */
  readonly point: Point | undefined;
  /** Unique in the whole tree. */
  readonly key: string;

  constructor(
    readonly points: Points,
    readonly instance: string,
    readonly node: BrowseNode,
    readonly parent?: Branch,
  ) {
    this.key = JSON.stringify([instance, node.path, node.tag]);
    if (node.tag !== undefined) this.point = points.hold(`${instance}.${node.tag}`, node.value);
  }

  get level(): number {
    return this.parent ? this.parent.level + 1 : 1;
  }

  get isOpen(): boolean {
    return this.children !== undefined || this.loading || this.problem !== undefined;
  }

  async open(): Promise<void> {
    if (!this.node.children || this.isOpen) return;
    await this.#load();
  }

  /** The next page of its children. */
  async more(): Promise<void> {
    if (!this.loading) await this.#load();
  }

  close(): void {
    this.children?.forEach((child) => child.release());
    this.children = undefined;
    this.problem = undefined;
    this.next = undefined;
    this.loading = false;
  }

  /** Lets go of its own value and of all below. */
  release(): void {
    this.close();
    if (this.point) this.points.release(this.point.address);
  }

  async #load(): Promise<void> {
    this.loading = true;
    try {
      const { items, next } = await browse(this.instance, this.node.path, this.next);
      // Folded again while the answer was on its way.
      if (!this.loading) return;
      const more = items.map((node) => new Branch(this.points, this.instance, node, this));
      this.children = [...(this.children ?? []), ...more];
      this.next = next;
      this.problem = undefined;
    } catch (cause) {
      if (this.loading) this.problem = asProblem(cause);
    } finally {
      this.loading = false;
    }
  }
}
