// One value, as large as its place allows.
import { define } from '../kind';
import { list, options, text } from '../options';
import View from './View.svelte';

export default define({
  kind: 'value',
  name: { en: 'Value', de: 'Wert' },
  about: { en: 'One value, as large as it goes.', de: 'Ein Wert, so groß es geht.' },
  icon: 'data',
  group: 'show',
  size: { w: 2, h: 2 },
  least: { w: 1, h: 1 },
  slots: [{ key: 'value', title: { en: 'Value', de: 'Wert' }, does: 'read', takes: [], needed: true }],
  options: options({
    words: list(
      { en: 'Words for values', de: 'Wörter für Werte' },
      {
        value: text({ en: 'Value', de: 'Wert' }),
        word: text({ en: 'Word', de: 'Wort' }),
      },
      ['value', 'word'],
      50,
    ),
  }),
  fits: () => 0.5,
  coloured: true,
  View,
});
