// Pages by group and in order. Pure.

export interface Listed {
  id: string;
  group?: string;
}

/** Groups in the order of their first page; those without one come first. */
export function grouped<T extends Listed>(pages: readonly T[]): { name: string; pages: T[] }[] {
  const groups = new Map<string, T[]>([['', []]]);
  for (const page of pages) {
    const name = page.group?.trim() ?? '';
    const own = groups.get(name);
    if (own) own.push(page);
    else groups.set(name, [page]);
  }
  return [...groups].map(([name, own]) => ({ name, pages: own })).filter((group) => group.pages.length > 0);
}

/** The order with one page at another place. */
export function moved(ids: readonly string[], id: string, to: number): string[] {
  const rest = ids.filter((one) => one !== id);
  const at = Math.min(rest.length, Math.max(0, to));
  return [...rest.slice(0, at), id, ...rest.slice(at)];
}
