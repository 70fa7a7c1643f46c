// A room's temperature, what it should be, and whether it is being heated.
import { define } from '../kind';
import { number, options, shared } from '../options';
import View from './View.svelte';

export default define({
  kind: 'thermostat',
  name: { en: 'Thermostat', de: 'Thermostat' },
  about: { en: 'A room temperature and its setpoint.', de: 'Eine Raumtemperatur und ihr Sollwert.' },
  icon: 'temperature',
  group: 'operate',
  size: { w: 3, h: 3 },
  least: { w: 2, h: 2 },
  slots: [
    { key: 'value', title: { en: 'Temperature', de: 'Temperatur' }, does: 'read', takes: ['int', 'float'], units: ['°C', 'K', '°F'], needed: true },
    { key: 'command', title: { en: 'Setpoint', de: 'Sollwert' }, does: 'write', takes: ['int', 'float'], units: ['°C', 'K', '°F'] },
    { key: 'feedback', title: { en: 'Setpoint, feedback', de: 'Sollwert, Rückmeldung' }, does: 'read', takes: ['int', 'float'], units: ['°C', 'K', '°F'] },
    { key: 'heating', title: { en: 'Heats', de: 'Heizt' }, does: 'read', takes: ['bool', 'int', 'float', 'text'] },
  ],
  options: options({
    low: number({ en: 'Lowest setpoint', de: 'Kleinster Sollwert' }, 5),
    high: number({ en: 'Highest setpoint', de: 'Größter Sollwert' }, 30),
    step: number({ en: 'Step', de: 'Schritt' }, 0.5, { min: 0.05 }),
    asks: shared.asks(),
  }),
  fits: ({ kind, unit, writable, address, name }) => {
    if (kind !== 'float' && kind !== 'int') return 0;
    if (/setpoint|sollwert|target_temp/i.test(`${address} ${name}`) && writable) return 0.8;
    return unit === '°C' ? 0.45 : 0;
  },
  coloured: true,
  View,
});
