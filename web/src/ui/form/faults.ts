// What is wrong with the value of a form, and where: `config.topics[0].filter`. Pure.
import { MASK, Rows, Unfit, fits } from './draft';
import { type Field, type FieldOf, isObject, isReference } from './schema';

export type FaultCode =
  | 'required'
  | 'number'
  | 'integer'
  | 'least'
  | 'most'
  | 'short'
  | 'long'
  | 'pattern'
  | 'url'
  | 'json'
  | 'few'
  | 'many'
  | 'twice'
  | 'keyless';

export interface Fault {
  code: FaultCode;
  /** The bound that was passed, or an example of what is wanted. */
  wanted: string;
}

export type Faults = ReadonlyMap<string, Fault>;

const under = (path: string, key: string) => (path ? `${path}.${key}` : key);

/** Every fault of the value by its path. */
export function faultsOf(field: Field, value: unknown, path: string): Faults {
  const found = new Map<string, Fault>();
  look(field, value, path, found);
  return found;
}

function look(field: Field, value: unknown, path: string, found: Map<string, Fault>): void {
  const add = (code: FaultCode, wanted: string | number = '') => void found.set(path, { code, wanted: String(wanted) });
  if (value === undefined || value === null || (value instanceof Unfit && value.text.trim() === '')) {
    if (field.required && !(value === null && field.kind === 'json')) add('required');
    return;
  }
  if (!fits(field, value)) {
    // It is shown as JSON; the daemon says whether it can be used.
    if (value instanceof Unfit) add('json');
    return;
  }
  if (value instanceof Unfit) return add(value.want === 'number' ? 'number' : 'json');
  switch (field.kind) {
    case 'text':
      return lookAtText(field, value, add);
    case 'secret':
      if (field.required && (value === '' || (isReference(value) && value.secret === ''))) add('required');
      return;
    case 'number':
      return lookAtNumber(field, value as number, add);
    case 'list':
      (value as unknown[]).forEach((one, at) => look(field.item, one, `${path}[${at}]`, found));
      if ((value as unknown[]).length < field.min) add('few', field.min);
      if ((value as unknown[]).length > field.max) add('many', field.max);
      return;
    case 'object':
      for (const inner of field.fields) look(inner, (value as Record<string, unknown>)[inner.key], under(path, inner.key), found);
      return;
    case 'map':
      return lookAtMap(field, value, path, found);
    case 'either': {
      const way = field.ways.find((way) => fits(way, value));
      if (way) look(way, value, path, found);
    }
  }
}

type Add = (code: FaultCode, wanted?: string | number) => void;

function lookAtText(field: FieldOf<'text'>, value: unknown, add: Add): void {
  if (isReference(value)) return value.secret === '' ? add('required') : undefined;
  const text = value as string;
  const length = [...text].length;
  if (text === '' && field.required) add('required');
  else if (length < field.minLength) add('short', field.minLength);
  else if (length > field.maxLength) add('long', field.maxLength);
  else if (text !== MASK && !matches(field.pattern, text)) add('pattern', field.example);
  else if (field.format === 'uri' && !URL.canParse(text)) add('url');
}

/** A pattern that this browser cannot read refuses nothing. */
function matches(pattern: string, text: string): boolean {
  if (!pattern) return true;
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    return true;
  }
}

function lookAtNumber(field: FieldOf<'number'>, value: number, add: Add): void {
  if (field.integer && !Number.isInteger(value)) add('integer');
  else if (field.min !== undefined && value < field.min) add('least', field.min);
  else if (field.max !== undefined && value > field.max) add('most', field.max);
}

function lookAtMap(field: FieldOf<'map'>, value: unknown, path: string, found: Map<string, Fault>): void {
  const entries = value instanceof Rows ? value.entries : Object.entries(value as Record<string, unknown>);
  const keys = new Set<string>();
  for (const [key, one] of entries) {
    if (key === '') found.set(path, { code: 'keyless', wanted: '' });
    if (keys.has(key)) found.set(path, { code: 'twice', wanted: key });
    keys.add(key);
    look(field.item, one, under(path, key), found);
  }
}

/** How many values below this field were given and are not what holds anyway. */
export function given(fields: readonly Field[], value: unknown): number {
  if (!isObject(value)) return 0;
  return fields.filter(({ key, initial }) => value[key] !== undefined && value[key] !== null && value[key] !== initial).length;
}
