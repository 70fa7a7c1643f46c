// The alarms that want somebody.
import { define } from '../kind';
import { flag, options, text } from '../options';
import View from './View.svelte';

export default define({
  kind: 'alarms',
  name: { en: 'Alarms', de: 'Alarme' },
  about: { en: 'What is active, and what nobody has acknowledged.', de: 'Was aktiv ist, und was niemand quittiert hat.' },
  icon: 'bell',
  group: 'overview',
  size: { w: 4, h: 3 },
  least: { w: 2, h: 2 },
  slots: [],
  options: options({
    prefix: text({ en: 'Only addresses that begin with', de: 'Nur Adressen, die beginnen mit' }),
    acknowledge: flag({ en: 'Acknowledge from here', de: 'Von hier quittieren' }, true),
  }),
  fits: () => 0,
  View,
});
