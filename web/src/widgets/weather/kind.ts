// The weather from datapoints of one's own: a station on the roof, or what a service sends to the broker.
import { define } from '../kind';
import { list, options, text } from '../options';
import View from './View.svelte';

export default define({
  kind: 'weather',
  name: { en: 'Weather', de: 'Wetter' },
  about: { en: 'The weather from datapoints: a station, or a service.', de: 'Das Wetter aus Datenpunkten: eine Station oder ein Dienst.' },
  icon: 'cloud',
  group: 'overview',
  size: { w: 4, h: 3 },
  least: { w: 2, h: 2 },
  slots: [
    { key: 'temperature', title: { en: 'Temperature', de: 'Temperatur' }, does: 'read', takes: ['int', 'float'], units: ['°C', '°F', 'K'], needed: true },
    { key: 'condition', title: { en: 'Condition', de: 'Wetterlage' }, does: 'read', takes: [] },
    { key: 'humidity', title: { en: 'Humidity', de: 'Luftfeuchte' }, does: 'read', takes: ['int', 'float'], units: ['%'] },
    { key: 'wind', title: { en: 'Wind', de: 'Wind' }, does: 'read', takes: ['int', 'float'] },
    { key: 'rain', title: { en: 'Rain', de: 'Regen' }, does: 'read', takes: ['int', 'float', 'bool'] },
    { key: 'pressure', title: { en: 'Pressure', de: 'Luftdruck' }, does: 'read', takes: ['int', 'float'] },
    { key: 'sun', title: { en: 'Sunshine', de: 'Sonne' }, does: 'read', takes: ['int', 'float'] },
  ],
  options: options({
    words: list(
      { en: 'Words for the condition', de: 'Wörter für die Wetterlage' },
      { value: text({ en: 'Value', de: 'Wert' }), word: text({ en: 'Word', de: 'Wort' }) },
      ['value', 'word'],
      50,
    ),
  }),
  fits: ({ unit, address, name }) => (unit === '°C' && /outdoor|outside|weather|wetter|aussen|außen/i.test(`${address} ${name}`) ? 0.66 : 0),
  coloured: true,
  View,
});
