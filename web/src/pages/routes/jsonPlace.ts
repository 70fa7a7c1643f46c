// Where a text stops being JSON. The browsers' own complaints name a place only sometimes.

const TOKEN =
  /\s*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w))/y;

/** What may come next: a letter for each. `v` a value, `k` a key, the signs themselves, `e` nothing more. */
type Next = string;

/** The line and column of the first sign that does not belong there, counted from 1. */
export function jsonPlace(text: string): { line: number; column: number } {
  const before = text.slice(0, wrongAt(text)).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

function wrongAt(text: string): number {
  const open: string[] = [];
  let next: Next = 'v';
  let at = 0;
  /** Behind a value. */
  const behind = () => (open.length === 0 ? 'e' : `,${open.at(-1)}`);
  for (;;) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    const start = at + /^\s*/.exec(text.slice(at, at + 10_000))![0].length;
    if (!found) return start;
    const [, sign, string] = found;
    if (sign === '{' || sign === '[') {
      if (!next.includes('v')) return start;
      open.push(sign === '{' ? '}' : ']');
      next = sign === '{' ? 'k}' : 'v]';
    } else if (sign === '}' || sign === ']') {
      if (!next.includes(sign)) return start;
      open.pop();
      next = behind();
    } else if (sign === ',' || sign === ':') {
      if (!next.includes(sign)) return start;
      next = sign === ',' && open.at(-1) === '}' ? 'k' : 'v';
    } else if (string !== undefined && next.includes('k')) next = ':';
    else if (next.includes('v')) next = behind();
    else return start;
    at = TOKEN.lastIndex;
  }
}
