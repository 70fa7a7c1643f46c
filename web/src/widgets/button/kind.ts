// Sends one value, or a pulse: a scene, a gong, a door opener.
import { define } from '../kind';
import { options, shared, text } from '../options';
import View from './View.svelte';

export default define({
  kind: 'button',
  name: { en: 'Button', de: 'Taster' },
  about: { en: 'Sends one value or a pulse: a scene, a door opener.', de: 'Sendet einen Wert oder einen Puls: eine Szene, ein Türöffner.' },
  icon: 'press',
  group: 'operate',
  size: { w: 2, h: 1 },
  least: { w: 1, h: 1 },
  slots: [
    { key: 'command', title: { en: 'Command', de: 'Befehl' }, does: 'write', takes: [], needed: true },
    { key: 'feedback', title: { en: 'Feedback', de: 'Rückmeldung' }, does: 'read', takes: [] },
  ],
  options: options({
    label: text({ en: 'Label', de: 'Beschriftung' }, '', { most: 60 }),
    value: text({ en: 'Value', de: 'Wert' }, 'true'),
    on: shared.on(),
    asks: shared.asks(),
  }),
  fits: ({ kind, writable }) => (kind === 'bool' && writable ? 0.5 : writable ? 0.2 : 0),
  View,
});
