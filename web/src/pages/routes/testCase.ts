// One test case of a route as a form has it: short values as a person writes them, everything else as JSON. Pure.

/** A test as `routing.json` has it. */
export type TestCase = { name?: string; input: unknown; output: unknown } & Record<string, unknown>;

/** A value for a field: a text as itself where nothing else is meant by it. */
export function fieldText(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') return JSON.stringify(value);
  return readsAsJson(value) || value !== value.trim() || value === '' ? JSON.stringify(value) : value;
}

/** What a field means: JSON where it is that, else the text itself. Something that begins like JSON must be JSON. */
export function readField(text: string): { value: unknown } | { wrong: true } {
  const trimmed = text.trim();
  try {
    return { value: JSON.parse(trimmed) };
  } catch {
    return trimmed === '' || /^["[{]/.test(trimmed) ? { wrong: true } : { value: trimmed };
  }
}

function readsAsJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return /^\s*["[{]/.test(text);
  }
}

/** The keys of a test beside name, input and output. */
export function restOf(test: TestCase): Record<string, unknown> {
  const { name: _name, input: _input, output: _output, ...rest } = test;
  return rest;
}

/** The test with these other keys. */
export function withRest(test: TestCase, rest: Record<string, unknown>): TestCase {
  const { name, input, output } = test;
  return { ...(name === undefined ? {} : { name }), input, output, ...rest };
}

interface Moment {
  at_ms?: number;
  value: unknown;
  quality?: string;
  address?: string;
}

/** What came out as `output`, as short as it can be said: of one target its address goes without saying. */
export function expectation(got: readonly Moment[]): unknown {
  const single = new Set(got.map(({ address }) => address)).size <= 1;
  const atOnce = got.every(({ at_ms }) => !at_ms);
  const moments = got.map((moment) => {
    const { address, at_ms, quality, value } = moment;
    const more = { ...(atOnce ? {} : { at_ms }), ...(quality ? { quality } : {}), ...(single ? {} : { address }) };
    const isDocument = typeof value === 'object' && value !== null;
    return Object.keys(more).length === 0 && !isDocument ? value : { ...more, value };
  });
  return moments.length === 1 ? moments[0] : moments;
}
