// A number as a bar: lying, or standing where its place is higher than wide.
import { define } from '../kind';
import { options, shared } from '../options';
import View from './View.svelte';

export default define({
  kind: 'bar',
  name: { en: 'Bar', de: 'Balken' },
  about: { en: 'A level: a tank, a share, a load.', de: 'Ein Füllstand: ein Tank, ein Anteil, eine Last.' },
  icon: 'bar',
  group: 'show',
  size: { w: 3, h: 2 },
  least: { w: 1, h: 1 },
  slots: [{ key: 'value', title: { en: 'Value', de: 'Wert' }, does: 'read', takes: ['int', 'float'], needed: true }],
  options: options({ low: shared.low(), high: shared.high() }),
  fits: ({ kind, unit }) => (kind === 'float' || kind === 'int' ? (unit === '%' || unit === 'l' ? 0.65 : 0.3) : 0),
  coloured: true,
  View,
});
