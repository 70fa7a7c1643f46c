/** `items` with `changed` put in by id, in the order of the ids. */
export function merged<T extends { id: string }>(items: T[], changed: T[]): T[] {
  const byId = new Map(items.map((item) => [item.id, item]));
  for (const item of changed) byId.set(item.id, item);
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
