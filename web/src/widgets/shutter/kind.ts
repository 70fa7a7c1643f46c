// A shutter, a blind or an awning: up, stop, down, and where it stands.
import { define } from '../kind';
import { choice, options, shared } from '../options';
import View from './View.svelte';

export default define({
  kind: 'shutter',
  name: { en: 'Shutter', de: 'Rollladen' },
  about: { en: 'Up, stop, down, and a position if there is one.', de: 'Auf, Halt, Ab, und eine Stellung, wenn es eine gibt.' },
  icon: 'shutter',
  group: 'operate',
  size: { w: 3, h: 3 },
  least: { w: 2, h: 2 },
  slots: [
    { key: 'up', title: { en: 'Up', de: 'Auf' }, does: 'write', takes: [], needed: true },
    { key: 'stop', title: { en: 'Stop', de: 'Halt' }, does: 'write', takes: [] },
    { key: 'down', title: { en: 'Down', de: 'Ab' }, does: 'write', takes: [], needed: true },
    { key: 'position', title: { en: 'Position', de: 'Stellung' }, does: 'read', takes: ['int', 'float'] },
    { key: 'target', title: { en: 'Set the position', de: 'Stellung vorgeben' }, does: 'write', takes: ['int', 'float'] },
  ],
  options: options({
    closed: choice({ en: 'Closed is', de: 'Geschlossen ist' }, {
      high: { en: '100 %', de: '100 %' },
      low: { en: '0 %', de: '0 %' },
    }),
    asks: shared.asks(),
  }),
  fits: ({ address, name, writable }) => (writable && /shutter|blind|roll|jalous|awning|markise/i.test(`${address} ${name}`) ? 0.8 : 0),
  View,
});
