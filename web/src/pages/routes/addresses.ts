/** The ends of a route as texts: an address, a list of them, or something newer than this page. */
export function addressesOf(end: unknown): string[] {
  if (end === undefined || end === null) return [];
  if (Array.isArray(end)) return end.flatMap(addressesOf);
  return [typeof end === 'string' ? end : JSON.stringify(end)];
}
