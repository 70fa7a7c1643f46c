// A number on an arc between its lowest and its highest.
import { define } from '../kind';
import { options, shared } from '../options';
import View from './View.svelte';

export default define({
  kind: 'gauge',
  name: { en: 'Gauge', de: 'Rundinstrument' },
  about: { en: 'A number on an arc between two limits.', de: 'Eine Zahl auf einem Bogen zwischen zwei Grenzen.' },
  icon: 'gauge',
  group: 'show',
  size: { w: 2, h: 3 },
  least: { w: 2, h: 2 },
  slots: [{ key: 'value', title: { en: 'Value', de: 'Wert' }, does: 'read', takes: ['int', 'float'], needed: true }],
  options: options({ low: shared.low(), high: shared.high() }),
  fits: ({ kind, unit }) => (kind === 'float' || kind === 'int' ? (['%', 'bar', '°C', 'A', 'V'].includes(unit) ? 0.6 : 0.4) : 0),
  coloured: true,
  View,
});
