// The address of a page: `#/data?search=pv`. Pure; `place.svelte.ts` ties it to the browser.

export interface Address {
  path: string;
  query: Record<string, string>;
}

/** Reads `location.hash`. Whatever it is, it is some address. */
export function parseHash(hash: string): Address {
  const text = hash.replace(/^#/, '');
  const cut = text.indexOf('?');
  const path = cut < 0 ? text : text.slice(0, cut);
  const search = cut < 0 ? '' : text.slice(cut + 1);
  return { path: `/${path.replace(/^\/+|\/+$/g, '')}`, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** Writes what `parseHash` reads; empty parameters are left out. */
export function formatHash({ path, query }: Address): string {
  const set = Object.entries(query).filter(([, value]) => value !== '');
  const search = new URLSearchParams(set).toString();
  return `#${path}${search && `?${search}`}`;
}
