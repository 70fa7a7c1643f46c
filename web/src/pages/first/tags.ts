// The first datapoints of an instance, found by walking its tree from the top. Pure but for what it is given.
import type { BrowseNode } from '../../api/types';

/** So many fit on the page. */
export const MOST = 8;
/** Folders that are opened in one walk, at the most: a large PLC has thousands. */
const MOST_FOLDERS = 24;

/** Up to {@link MOST} nodes that have a value, those near the top first. */
export async function firstTags(open: (path: string) => Promise<readonly BrowseNode[]>): Promise<BrowseNode[]> {
  const found: BrowseNode[] = [];
  const folders = [''];
  for (let opened = 0; opened < MOST_FOLDERS && found.length < MOST; opened += 1) {
    const path = folders.shift();
    if (path === undefined) break;
    const nodes = await open(path);
    found.push(...nodes.filter((node) => node.tag !== undefined));
    folders.push(...nodes.filter((node) => node.children).map((node) => node.path));
  }
  return found.slice(0, MOST);
}
