// The lamps of a room: each by itself, and all off at once.
import { define } from '../kind';
import { options, shared } from '../options';
import View from './View.svelte';

export default define({
  kind: 'lamps',
  name: { en: 'Lamp group', de: 'Lampengruppe' },
  about: { en: 'Several lamps: each by itself, and all off.', de: 'Mehrere Lampen: jede für sich, und alle aus.' },
  icon: 'lamp',
  group: 'operate',
  size: { w: 3, h: 3 },
  least: { w: 2, h: 2 },
  slots: [
    { key: 'lamp', title: { en: 'Lamp', de: 'Lampe' }, does: 'write', takes: ['bool', 'int', 'float', 'text'], most: 24, needed: true },
    { key: 'feedback', title: { en: 'Feedback of the lamp with this number', de: 'Rückmeldung der Lampe mit dieser Nummer' }, does: 'read', takes: ['bool', 'int', 'float', 'text'], most: 24 },
  ],
  options: options({ on: shared.on(), off: shared.off(), asks: shared.asks() }),
  fits: ({ kind, writable, address, name }) => (kind === 'bool' && writable && /lamp|light|licht/i.test(`${address} ${name}`) ? 0.6 : 0),
  View,
});
