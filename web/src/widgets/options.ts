// Options of widgets as JSON schemas, written short. The form of the editor is made of them, in the person's language.
import type { Schema } from '../ui/form/schema';
import type { Words } from './kind';

type Property = Record<string, unknown>;

const titled = ({ en, de }: Words, help?: Words): Property => ({
  title: en,
  'x-title-de': de,
  ...(help && { description: help.en, 'x-help-de': help.de }),
});

/** An object of options. */
export const options = (properties: Record<string, Property>): Schema => ({ type: 'object', properties });

interface More {
  min?: number;
  max?: number;
  unit?: string;
  help?: Words;
  /** Folded away. */
  rare?: boolean;
}

const numeric = (type: string, title: Words, initial: number | undefined, { min, max, unit, help, rare }: More): Property => ({
  type,
  ...titled(title, help),
  ...(initial !== undefined && { default: initial }),
  ...(min !== undefined && { minimum: min }),
  ...(max !== undefined && { maximum: max }),
  ...(unit && { 'x-unit': unit }),
  ...(rare && { 'x-advanced': true }),
});

export const number = (title: Words, initial?: number, more: More = {}) => numeric('number', title, initial, more);
export const whole = (title: Words, initial?: number, more: More = {}) => numeric('integer', title, initial, more);

export const flag = (title: Words, initial = false, help?: Words): Property => ({
  type: 'boolean',
  ...titled(title, help),
  default: initial,
});

export const text = (title: Words, initial = '', more: { help?: Words; long?: boolean; most?: number } = {}): Property => ({
  type: 'string',
  ...titled(title, more.help),
  default: initial,
  maxLength: more.most ?? 200,
  ...(more.long && { 'x-multiline': true }),
});

/** One of a few; the first holds without a choice. */
export const choice = (title: Words, choices: Record<string, Words>, help?: Words): Property => ({
  ...titled(title, help),
  default: Object.keys(choices)[0],
  oneOf: Object.entries(choices).map(([key, words]) => ({ const: key, title: words.en, 'x-title-de': words.de })),
});

/** Rows of a few fields each. */
export const list = (title: Words, item: Record<string, Property>, required: string[], most: number): Property => ({
  type: 'array',
  ...titled(title),
  default: [],
  maxItems: most,
  items: { type: 'object', properties: item, required },
});

/** The options' keys with what holds without a choice. */
export function fieldsOf(schema: Schema): { key: string; initial: unknown }[] {
  const properties = (schema['properties'] ?? {}) as Record<string, Property>;
  return Object.entries(properties).map(([key, property]) => ({ key, initial: property['default'] }));
}

/** Options that several kinds have. */
export const shared = {
  low: (initial = 0) => number({ en: 'Lowest value', de: 'Kleinster Wert' }, initial),
  high: (initial = 100) => number({ en: 'Highest value', de: 'Größter Wert' }, initial),
  on: () =>
    text({ en: 'Value for on', de: 'Wert für ein' }, '', {
      help: { en: 'true, unless you say: for example 1 or ON.', de: 'Ohne Angabe true; zum Beispiel 1 oder ON.' },
    }),
  off: () =>
    text({ en: 'Value for off', de: 'Wert für aus' }, '', {
      help: { en: 'false, unless you say: for example 0 or OFF.', de: 'Ohne Angabe false; zum Beispiel 0 oder OFF.' },
    }),
  asks: () =>
    flag({ en: 'Ask before it is sent', de: 'Vor dem Senden fragen' }, false),
};
