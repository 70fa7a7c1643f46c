// Where the power comes from and where it goes: sun, battery, grid, house.
import { define } from '../kind';
import { choice, options } from '../options';
import View from './View.svelte';

const POWER = ['W', 'kW', 'MW'];

export default define({
  kind: 'energy',
  name: { en: 'Energy flow', de: 'Energiefluss' },
  about: { en: 'Sun, battery, grid and house, and where the power goes.', de: 'Sonne, Batterie, Netz und Haus, und wohin der Strom fließt.' },
  icon: 'bolt',
  group: 'overview',
  size: { w: 4, h: 4 },
  least: { w: 3, h: 3 },
  slots: [
    { key: 'pv', title: { en: 'Sun', de: 'Sonne' }, does: 'read', takes: ['int', 'float'], units: POWER },
    { key: 'battery', title: { en: 'Battery', de: 'Batterie' }, does: 'read', takes: ['int', 'float'], units: POWER },
    { key: 'grid', title: { en: 'Grid', de: 'Netz' }, does: 'read', takes: ['int', 'float'], units: POWER },
    { key: 'house', title: { en: 'House', de: 'Haus' }, does: 'read', takes: ['int', 'float'], units: POWER },
    { key: 'soc', title: { en: 'State of charge', de: 'Ladezustand' }, does: 'read', takes: ['int', 'float'], units: ['%'] },
  ],
  options: options({
    grid: choice({ en: 'A positive number of the grid', de: 'Eine positive Zahl beim Netz' }, {
      import: { en: 'is power from the grid', de: 'ist Bezug' },
      export: { en: 'is power into the grid', de: 'ist Einspeisung' },
    }),
    battery: choice({ en: 'A positive number of the battery', de: 'Eine positive Zahl bei der Batterie' }, {
      charge: { en: 'charges it', de: 'lädt sie' },
      discharge: { en: 'discharges it', de: 'entlädt sie' },
    }),
  }),
  fits: ({ kind, unit, address, name }) =>
    POWER.includes(unit) && (kind === 'int' || kind === 'float') && /pv|grid|netz|battery|batt|solar/i.test(`${address} ${name}`) ? 0.38 : 0,
  View,
});
