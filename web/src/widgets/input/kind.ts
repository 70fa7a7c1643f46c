// A number or a text that is typed and sent.
import { define } from '../kind';
import { number, options, shared } from '../options';
import View from './View.svelte';

export default define({
  kind: 'input',
  name: { en: 'Input', de: 'Eingabe' },
  about: { en: 'A number or a text that is typed and sent.', de: 'Eine Zahl oder ein Text zum Eintippen und Senden.' },
  icon: 'pencil',
  group: 'operate',
  size: { w: 3, h: 2 },
  least: { w: 2, h: 1 },
  slots: [
    { key: 'command', title: { en: 'Command', de: 'Befehl' }, does: 'write', takes: ['int', 'float', 'text', 'json', 'bytes', 'bool'], needed: true },
    { key: 'feedback', title: { en: 'Feedback', de: 'Rückmeldung' }, does: 'read', takes: [] },
  ],
  options: options({
    low: number({ en: 'Lowest value', de: 'Kleinster Wert' }),
    high: number({ en: 'Highest value', de: 'Größter Wert' }),
    asks: shared.asks(),
  }),
  fits: ({ kind, writable }) => (writable ? (kind === 'text' ? 0.75 : kind === 'bool' ? 0.1 : 0.5) : 0),
  View,
});
