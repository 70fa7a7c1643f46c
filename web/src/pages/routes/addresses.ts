// Which addresses somebody may mean who has typed so far: known datapoints, and what lies in an instance's own tree.
import { getPoints } from '../../api/endpoints';
import { browseFor } from '../../api/routing';
import type { PointInfo, Value } from '../../api/types';
import type { LiveInstance } from '../../live/instances.svelte';

export interface Found {
  address: string;
  name: string;
  /** Missing where nothing reads it yet. */
  value?: Value;
  unit: string;
}

export type Purpose = 'source' | 'target';

const MOST = 12;
/** Longer texts are no beginning of an address. */
const LONGEST = 512;

/** What stands before the first star or placeholder: that much of it is an address. */
export const literalOf = (text: string) => text.slice(0, /[*{]/.exec(text)?.index ?? text.length);

/** The node of an instance's tree that is typed, and what its children's names begin with. */
export function branchOf(text: string, ids: readonly string[]): { instance: string; path: string; filter: string } | undefined {
  const owners = ids.filter((id) => text.startsWith(`${id}.`));
  const instance = owners.sort((a, b) => b.length - a.length)[0];
  if (instance === undefined) return undefined;
  const tag = text.slice(instance.length + 1);
  const cut = Math.max(tag.lastIndexOf('.'), tag.lastIndexOf('/'));
  return { instance, path: tag.slice(0, Math.max(0, cut)), filter: tag.slice(cut + 1) };
}

const ofPoint = ({ address, name, value, unit }: PointInfo): Found => ({ address, name: name ?? '', value, unit: unit ?? '' });

/** What is known of the typed text. A part that fails is left out: somebody who types wants no complaint. */
export async function complete(
  text: string,
  purpose: Purpose,
  instances: readonly LiveInstance[],
  signal: AbortSignal,
): Promise<Found[]> {
  const typed = literalOf(text).slice(0, LONGEST);
  const isWild = typed.length < text.length;
  const [known, tree] = await Promise.all([
    getPoints({ search: typed, limit: MOST * 2 }, signal).then(({ items }) => items, () => []),
    isWild ? [] : children(typed, instances, signal),
  ]);
  const fits = known.filter((point) => !isWild || point.address.startsWith(typed));
  // Without the right to write nothing is writable, and the list would be empty.
  const writable = fits.filter((point) => point.writable);
  const points = (purpose === 'target' && writable.length > 0 ? writable : fits).map(ofPoint);
  const own = purpose === 'target' ? ['log.system'].filter((one) => one.startsWith(typed)) : [];
  const all = [...points, ...tree, ...own.map((address) => ({ address, name: '', unit: '' }))];
  const seen = new Set<string>();
  return all.filter(({ address }) => !seen.has(address.toLowerCase()) && seen.add(address.toLowerCase())).slice(0, MOST);
}

async function children(typed: string, instances: readonly LiveInstance[], signal: AbortSignal): Promise<Found[]> {
  const able = instances.filter(({ capabilities }) => capabilities.includes('browse')).map(({ id }) => id);
  const branch = branchOf(typed, able);
  if (!branch) return [];
  const { instance, path, filter } = branch;
  const page = await browseFor(instance, path, filter, signal).catch(() => ({ items: [] }));
  return page.items.flatMap(({ tag, comment, unit }) =>
    tag === undefined ? [] : { address: `${instance}.${tag}`, name: comment ?? '', unit: unit ?? '' },
  );
}
