// A JSON schema as the fields of a form. Pure. What a form cannot show becomes a field of JSON, so that nothing is lost.

export type Schema = Readonly<Record<string, unknown>>;

interface Common {
  /** The last part of its path; empty for the whole. */
  key: string;
  title: string;
  help: string;
  required: boolean;
  /** Folded away: most people never need it. */
  advanced: boolean;
  unit: string;
  /** What holds while nothing is given. */
  initial: unknown;
  /** Shown while nothing is given. */
  example: string;
}

export interface Choice {
  value: unknown;
  label: string;
  help: string;
}

export type Field = Common &
  (
    | { kind: 'text'; minLength: number; maxLength: number; pattern: string; format: string; long: boolean }
    | { kind: 'secret' }
    | { kind: 'number'; integer: boolean; min: number | undefined; max: number | undefined }
    | { kind: 'switch' }
    | { kind: 'choice'; choices: Choice[] }
    | { kind: 'list'; item: Field; min: number; max: number }
    | { kind: 'object'; fields: Field[] }
    | { kind: 'map'; item: Field }
    | { kind: 'either'; ways: Field[] }
    | { kind: 'json' }
  );

export type Kind = Field['kind'];
export type FieldOf<K extends Kind> = Extract<Field, { kind: K }>;

/** A reference that leads deeper than this, for example in a circle, is shown as JSON. */
const DEEPEST = 6;
/** Of so few keys none is folded away unless its schema says so. */
const FEW = 8;

interface Around {
  root: Schema;
  language: string;
  depth: number;
}

/** The whole schema as one field; its key is empty. */
export function fieldOf(schema: unknown, language: string): Field {
  const root = isObject(schema) ? schema : {};
  return field(root, '', true, { root, language, depth: 0 });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.getPrototypeOf(value) === Object.prototype;
}

/** `{"secret": "name"}`: the value stands in `secrets.json`. */
export function isReference(value: unknown): value is { secret: string } {
  return isObject(value) && Object.keys(value).length === 1 && typeof value['secret'] === 'string';
}

function field(raw: unknown, key: string, required: boolean, around: Around): Field {
  const { schema, nullable } = resolve(raw, around.root);
  const common = commonOf(schema, key, required, around.language);
  if (around.depth > DEEPEST) return { ...common, kind: 'json' };
  const inner = { ...around, depth: around.depth + 1 };
  const choices = choicesOf(schema, around.language);
  if (choices) return { ...common, kind: 'choice', choices };
  const type = schema['type'];
  if (type === 'string') return text(schema, common);
  if (type === 'integer' || type === 'number') return number(schema, common, type === 'integer');
  if (type === 'boolean') return nullable && common.initial === undefined && !required ? yesNo(common) : { ...common, kind: 'switch' };
  if (type === 'array' && isObject(schema['items']) && !schema['prefixItems']) {
    const item = field(schema['items'], '', true, inner);
    return { ...common, kind: 'list', item, min: count(schema['minItems'], 0), max: count(schema['maxItems'], Infinity) };
  }
  if (isObject(schema['properties'])) return { ...common, kind: 'object', fields: fieldsOf(schema, inner) };
  if (type === 'object' && isObject(schema['additionalProperties'])) {
    return { ...common, kind: 'map', item: field(schema['additionalProperties'], '', true, inner) };
  }
  const ways = waysOf(schema, inner);
  return ways ? { ...common, kind: 'either', ways } : { ...common, kind: 'json' };
}

/** The schema behind references and behind "or null". What stands beside a reference goes before what it leads to. */
function resolve(raw: unknown, root: Schema): { schema: Schema; nullable: boolean } {
  let schema: Schema = isObject(raw) ? raw : {};
  let nullable = false;
  for (let steps = 0; steps < DEEPEST; steps += 1) {
    const { $ref, anyOf, oneOf, ...beside } = schema;
    const either = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : [];
    const real = either.filter((one) => !(isObject(one) && one['type'] === 'null'));
    if (typeof $ref === 'string') {
      schema = { ...lookUp($ref, root), ...beside };
    } else if (either.length > 0 && real.length === 1 && isObject(real[0])) {
      nullable ||= real.length < either.length;
      schema = { ...real[0], ...beside };
    } else if (Array.isArray(schema['type'])) {
      const types = schema['type'].filter((type) => type !== 'null');
      nullable ||= types.length < schema['type'].length;
      schema = { ...schema, type: types.length === 1 ? types[0] : undefined };
    } else {
      break;
    }
  }
  return { schema, nullable };
}

function lookUp(reference: string, root: Schema): Schema {
  const parts = reference.replace(/^#\/?/, '').split('/');
  let found: unknown = root;
  for (const part of parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))) {
    found = isObject(found) && Object.hasOwn(found, part) ? found[part] : undefined;
  }
  return isObject(found) ? found : {};
}

function commonOf(schema: Schema, key: string, required: boolean, language: string): Common {
  const help = words(schema, `x-help-${language}`) || words(schema, 'description').replaceAll('\n', ' ');
  const examples = Array.isArray(schema['examples']) ? schema['examples'] : [];
  const initial = schema['default'] === null ? undefined : schema['default'];
  const title = words(schema, `x-title-${language}`) || words(schema, 'title') || spoken(key);
  const bare = (text: string) => text.replace(/\.$/, '').toLowerCase();
  return {
    key,
    title,
    // What only says the title again helps nobody.
    help: bare(help) === bare(title) ? '' : help,
    required,
    advanced: schema['x-advanced'] === true && !required,
    unit: words(schema, 'x-unit'),
    initial,
    example: examples.length > 0 ? shown(examples[0]) : (/for example `([^`]+)`/.exec(help)?.[1] ?? ''),
  };
}

function words(schema: Schema, key: string): string {
  const value = schema[key];
  return typeof value === 'string' ? value : '';
}

/** A value in one line, as an example or a default is shown. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

/** `max_packet_bytes` as one says it. */
export function spoken(key: string): string {
  const text = key.replace(/_(ms|s|bytes|mb)$/, '').replaceAll(/[_-]+/g, ' ').trim() || key;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function text(schema: Schema, common: Common): Field {
  if (schema['x-secret'] === true) return { ...common, kind: 'secret' };
  return {
    ...common,
    kind: 'text',
    minLength: count(schema['minLength'], 0),
    maxLength: count(schema['maxLength'], Infinity),
    pattern: words(schema, 'pattern'),
    format: words(schema, 'format'),
    long: schema['x-multiline'] === true,
  };
}

function number(schema: Schema, common: Common, integer: boolean): Field {
  const bound = (key: string) => (typeof schema[key] === 'number' ? schema[key] : undefined);
  return { ...common, kind: 'number', integer, min: bound('minimum'), max: bound('maximum') };
}

/** A boolean that may also not be said. */
function yesNo(common: Common): Field {
  const choices = [true, false].map((value) => ({ value, label: String(value), help: '' }));
  return { ...common, kind: 'choice', choices };
}

function count(value: unknown, otherwise: number): number {
  return typeof value === 'number' && value >= 0 ? value : otherwise;
}

function choicesOf(schema: Schema, language: string): Choice[] | undefined {
  if (Array.isArray(schema['enum'])) {
    return schema['enum'].filter((value) => value !== null).map((value) => ({ value, label: shown(value), help: '' }));
  }
  const either = schema['oneOf'] ?? schema['anyOf'];
  if (!Array.isArray(either) || either.length === 0) return undefined;
  const choices: Choice[] = [];
  for (const one of either) {
    if (!isObject(one)) return undefined;
    if ('const' in one) {
      const label = words(one, `x-title-${language}`) || words(one, 'title') || shown(one['const']);
      choices.push({ value: one['const'], label, help: words(one, `x-help-${language}`) || words(one, 'description') });
    } else if (Array.isArray(one['enum'])) {
      choices.push(...one['enum'].map((value) => ({ value, label: shown(value), help: '' })));
    } else if (one['type'] !== 'null') {
      return undefined;
    }
  }
  return choices;
}

function fieldsOf(schema: Schema, around: Around): Field[] {
  const required: unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  const all = Object.entries(schema['properties'] as Record<string, unknown>)
    // What the daemon fills in itself is no question to a person.
    .filter(([, property]) => !(isObject(property) && 'x-fill' in property))
    .map(([key, property]) => field(property, key, required.includes(key), around));
  if (all.length > FEW && !all.some(({ advanced }) => advanced)) {
    return all.map((one) => ({ ...one, advanced: !one.required && one.initial !== undefined }));
  }
  return all;
}

/** The ways of "either this or that", if each has a form of its own. */
function waysOf(schema: Schema, around: Around): Field[] | undefined {
  const either = schema['oneOf'] ?? schema['anyOf'];
  if (!Array.isArray(either) || either.length < 2 || either.length > 4) return undefined;
  const ways = either.map((one) => field(one, '', true, around));
  const kinds = new Set(ways.map(({ kind }) => kind));
  // Two of a kind could not be told apart by their value.
  return kinds.size === ways.length && !kinds.has('json') ? ways : undefined;
}
