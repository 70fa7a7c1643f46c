// A heading or a few lines between other widgets.
import { define } from '../kind';
import { choice, options, text } from '../options';
import View from './View.svelte';

export default define({
  kind: 'text',
  name: { en: 'Text', de: 'Text' },
  about: { en: 'A heading or a few lines of your own.', de: 'Eine Überschrift oder ein paar eigene Zeilen.' },
  icon: 'logs',
  group: 'show',
  size: { w: 4, h: 1 },
  least: { w: 1, h: 1 },
  slots: [{ key: 'value', title: { en: 'Value behind it', de: 'Wert dahinter' }, does: 'read', takes: [] }],
  options: options({
    text: text({ en: 'Text', de: 'Text' }, '', { long: true, most: 4_000 }),
    look: choice({ en: 'Size', de: 'Größe' }, {
      normal: { en: 'Normal', de: 'Normal' },
      large: { en: 'Large', de: 'Groß' },
      small: { en: 'Small', de: 'Klein' },
    }),
    align: choice({ en: 'Alignment', de: 'Ausrichtung' }, {
      start: { en: 'At the beginning', de: 'Am Anfang' },
      center: { en: 'In the middle', de: 'In der Mitte' },
    }),
  }),
  fits: ({ kind }) => (kind === 'text' || kind === 'json' ? 0.55 : 0),
  coloured: true,
  View,
});
