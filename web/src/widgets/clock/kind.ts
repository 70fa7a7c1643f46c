// The time of the house, which a wall panel may know less well.
import { define } from '../kind';
import { flag, options } from '../options';
import View from './View.svelte';

export default define({
  kind: 'clock',
  name: { en: 'Clock', de: 'Uhr' },
  about: { en: 'Time and date, by the clock of the house.', de: 'Uhrzeit und Datum, nach der Uhr des Hauses.' },
  icon: 'clock',
  group: 'other',
  size: { w: 3, h: 2 },
  least: { w: 1, h: 1 },
  slots: [],
  options: options({
    seconds: flag({ en: 'Seconds', de: 'Sekunden' }),
    date: flag({ en: 'Date', de: 'Datum' }, true),
  }),
  fits: () => 0,
  View,
});
