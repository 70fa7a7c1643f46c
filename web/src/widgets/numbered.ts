// The bindings of a slot that takes several: `lamp_1`, `lamp_2`, … in the order of their numbers. Pure.

export function numbered(key: string, bindings: Readonly<Record<string, unknown>>): { name: string; n: number }[] {
  const head = `${key}_`;
  return Object.keys(bindings)
    .filter((name) => name.startsWith(head) && /^\d+$/.test(name.slice(head.length)))
    .map((name) => ({ name, n: Number(name.slice(head.length)) }))
    .sort((a, b) => a.n - b.n);
}
