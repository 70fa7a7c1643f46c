// Sets a number by a slider; sends when it is let go.
import { define } from '../kind';
import { number, options, shared } from '../options';
import View from './View.svelte';

export default define({
  kind: 'slider',
  name: { en: 'Slider', de: 'Schieber' },
  about: { en: 'Sets a number between two limits.', de: 'Stellt eine Zahl zwischen zwei Grenzen.' },
  icon: 'system',
  group: 'operate',
  size: { w: 3, h: 2 },
  least: { w: 2, h: 1 },
  slots: [
    { key: 'command', title: { en: 'Command', de: 'Befehl' }, does: 'write', takes: ['int', 'float'], needed: true },
    { key: 'feedback', title: { en: 'Feedback', de: 'Rückmeldung' }, does: 'read', takes: ['int', 'float'] },
  ],
  options: options({
    low: shared.low(),
    high: shared.high(),
    step: number({ en: 'Step', de: 'Schritt' }, 1, { min: 0.000_001 }),
    asks: shared.asks(),
  }),
  fits: ({ kind, writable }) => (writable && (kind === 'int' || kind === 'float') ? 0.7 : 0),
  coloured: true,
  View,
});
