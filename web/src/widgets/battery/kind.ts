// A battery: its charge, its figures, and each of its cells.
import { define } from '../kind';
import { flag, number, options } from '../options';
import View from './View.svelte';

export default define({
  kind: 'battery',
  name: { en: 'Battery', de: 'Batterie' },
  about: { en: 'State of charge, voltage, current, temperature, and each cell.', de: 'Ladezustand, Spannung, Strom, Temperatur, und jede Zelle.' },
  icon: 'battery',
  group: 'overview',
  size: { w: 4, h: 3 },
  least: { w: 2, h: 2 },
  slots: [
    { key: 'soc', title: { en: 'State of charge', de: 'Ladezustand' }, does: 'read', takes: ['int', 'float'], units: ['%'], needed: true },
    { key: 'voltage', title: { en: 'Voltage', de: 'Spannung' }, does: 'read', takes: ['int', 'float'], units: ['V', 'mV'] },
    { key: 'current', title: { en: 'Current', de: 'Strom' }, does: 'read', takes: ['int', 'float'], units: ['A', 'mA'] },
    { key: 'power', title: { en: 'Power', de: 'Leistung' }, does: 'read', takes: ['int', 'float'], units: ['W', 'kW'] },
    { key: 'temperature', title: { en: 'Temperature', de: 'Temperatur' }, does: 'read', takes: ['int', 'float'], units: ['°C', 'K', '°F'] },
    { key: 'cell', title: { en: 'Cell', de: 'Zelle' }, does: 'read', takes: ['int', 'float'], units: ['V', 'mV'], most: 32 },
  ],
  options: options({
    warn: number({ en: 'Low below', de: 'Niedrig unter' }, 20, { min: 0, max: 100, unit: '%' }),
    numbers: flag({ en: 'Number the cells', de: 'Zellen nummerieren' }, true),
  }),
  fits: ({ kind, unit, address, name }) => (unit === '%' && (kind === 'int' || kind === 'float') && /soc|batter|akku|charge/i.test(`${address} ${name}`) ? 0.75 : 0),
  View,
});
