// Switches something on and off, or pulses it as a push button on the wall does; shows what the device says back.
import { define } from '../kind';
import { options, shared, text } from '../options';
import View from './View.svelte';

export default define({
  kind: 'switch',
  name: { en: 'Switch', de: 'Schalter' },
  about: {
    en: 'On and off, kept or as a pulse; shows the feedback and not the command.',
    de: 'Ein und aus, bleibend oder als Puls; zeigt die Rückmeldung und nicht den Befehl.',
  },
  icon: 'power',
  group: 'operate',
  size: { w: 2, h: 2 },
  least: { w: 1, h: 1 },
  slots: [
    { key: 'command', title: { en: 'Command', de: 'Befehl' }, does: 'write', takes: ['bool', 'int', 'float', 'text'], needed: true },
    { key: 'feedback', title: { en: 'Feedback', de: 'Rückmeldung' }, does: 'read', takes: ['bool', 'int', 'float', 'text'] },
  ],
  options: options({
    on: shared.on(),
    off: shared.off(),
    on_word: text({ en: 'Word for on', de: 'Wort für ein' }),
    off_word: text({ en: 'Word for off', de: 'Wort für aus' }),
    asks: shared.asks(),
  }),
  fits: ({ kind, writable }) => (kind === 'bool' && writable ? 0.9 : kind === 'bool' ? 0.3 : 0),
  View,
});
