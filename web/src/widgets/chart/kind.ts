// Curves of the last values, and live from then on. The house keeps the last 10,000 of each for a chart that is saved.
import { define } from '../kind';
import { choice, flag, number, options } from '../options';
import View from './View.svelte';

export default define({
  kind: 'chart',
  name: { en: 'Chart', de: 'Diagramm' },
  about: { en: 'Curves of the last values, live.', de: 'Kurven der letzten Werte, live.' },
  icon: 'data',
  group: 'overview',
  size: { w: 6, h: 4 },
  least: { w: 2, h: 2 },
  slots: [{ key: 'value', title: { en: 'Curve', de: 'Kurve' }, does: 'read', takes: ['int', 'float', 'bool'], most: 8, needed: true }],
  options: options({
    span: choice({ en: 'Time shown', de: 'Gezeigte Zeit' }, {
      hour: { en: '1 hour', de: '1 Stunde' },
      minute: { en: '1 minute', de: '1 Minute' },
      ten_minutes: { en: '10 minutes', de: '10 Minuten' },
      six_hours: { en: '6 hours', de: '6 Stunden' },
      day: { en: '1 day', de: '1 Tag' },
    }),
    low: number({ en: 'Lowest value', de: 'Kleinster Wert' }, undefined, {
      help: { en: 'As the values go, unless you say.', de: 'Ohne Angabe nach den Werten.' },
    }),
    high: number({ en: 'Highest value', de: 'Größter Wert' }),
    steps: flag({ en: 'Hold each value until the next', de: 'Jeden Wert bis zum nächsten halten' }, true),
  }),
  fits: ({ kind }) => (kind === 'float' ? 0.48 : kind === 'int' ? 0.42 : kind === 'bool' ? 0.15 : 0),
  View,
});
