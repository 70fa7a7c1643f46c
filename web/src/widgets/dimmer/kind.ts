// A lamp that is switched and dimmed.
import { define } from '../kind';
import { options, shared } from '../options';
import View from './View.svelte';

export default define({
  kind: 'dimmer',
  name: { en: 'Dimmer', de: 'Dimmer' },
  about: { en: 'A lamp that is switched and dimmed.', de: 'Eine Lampe, die geschaltet und gedimmt wird.' },
  icon: 'sun',
  group: 'operate',
  size: { w: 3, h: 2 },
  least: { w: 2, h: 2 },
  slots: [
    { key: 'level', title: { en: 'Brightness', de: 'Helligkeit' }, does: 'write', takes: ['int', 'float'], needed: true },
    { key: 'level_feedback', title: { en: 'Brightness, feedback', de: 'Helligkeit, Rückmeldung' }, does: 'read', takes: ['int', 'float'] },
    { key: 'command', title: { en: 'On and off', de: 'Ein und aus' }, does: 'write', takes: ['bool', 'int', 'text'] },
    { key: 'feedback', title: { en: 'On and off, feedback', de: 'Ein und aus, Rückmeldung' }, does: 'read', takes: ['bool', 'int', 'text'] },
  ],
  options: options({ low: shared.low(), high: shared.high(), on: shared.on(), off: shared.off(), asks: shared.asks() }),
  fits: ({ kind, writable, address, name }) =>
    writable && (kind === 'int' || kind === 'float') && /dim|bright|hell/i.test(`${address} ${name}`) ? 0.85 : 0,
  View,
});
