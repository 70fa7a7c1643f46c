// One of a few values, by name: an operating mode, a programme.
import { define } from '../kind';
import { choice, list, options, shared, text } from '../options';
import View from './View.svelte';

export default define({
  kind: 'select',
  name: { en: 'Selection', de: 'Auswahl' },
  about: { en: 'One of a few values by name: a mode, a programme.', de: 'Einer von wenigen Werten mit Namen: eine Betriebsart, ein Programm.' },
  icon: 'list',
  group: 'operate',
  size: { w: 3, h: 2 },
  least: { w: 2, h: 1 },
  slots: [
    { key: 'command', title: { en: 'Command', de: 'Befehl' }, does: 'write', takes: [], needed: true },
    { key: 'feedback', title: { en: 'Feedback', de: 'Rückmeldung' }, does: 'read', takes: [] },
  ],
  options: options({
    choices: list(
      { en: 'Choices', de: 'Möglichkeiten' },
      { value: text({ en: 'Value', de: 'Wert' }), word: text({ en: 'Name', de: 'Name' }) },
      ['value', 'word'],
      50,
    ),
    look: choice({ en: 'Shown as', de: 'Dargestellt als' }, {
      buttons: { en: 'Buttons', de: 'Tasten' },
      list: { en: 'A list', de: 'Liste' },
    }),
    asks: shared.asks(),
  }),
  fits: ({ kind, writable, address, name }) => (writable && (kind === 'int' || kind === 'text') && /mode|modus|art|program/i.test(`${address} ${name}`) ? 0.72 : 0),
  View,
});
