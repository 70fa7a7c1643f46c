// Several values in rows.
import { define } from '../kind';
import { flag, options } from '../options';
import View from './View.svelte';

export default define({
  kind: 'table',
  name: { en: 'Table', de: 'Tabelle' },
  about: { en: 'Several values, a row each.', de: 'Mehrere Werte, jeder in einer Zeile.' },
  icon: 'list',
  group: 'overview',
  size: { w: 4, h: 4 },
  least: { w: 2, h: 2 },
  slots: [{ key: 'value', title: { en: 'Row', de: 'Zeile' }, does: 'read', takes: [], most: 100, needed: true }],
  options: options({ age: flag({ en: 'Show how old each is', de: 'Das Alter zeigen' }) }),
  fits: () => 0.2,
  coloured: true,
  View,
});
