// A page of another origin that an administrator has allowed.
import { define } from '../kind';
import { options, text, whole } from '../options';
import View from './View.svelte';

export default define({
  kind: 'frame',
  name: { en: 'Embedded page', de: 'Eingebettete Seite' },
  about: { en: 'Another page, if its origin is allowed.', de: 'Eine andere Seite, wenn ihre Herkunft erlaubt ist.' },
  icon: 'tiles',
  group: 'other',
  size: { w: 6, h: 5 },
  least: { w: 2, h: 2 },
  slots: [],
  options: options({
    url: text({ en: 'Address', de: 'Adresse' }, '', {
      most: 2_000,
      help: {
        en: 'Its origin has to stand in fieldrail.json under dashboards.frames.',
        de: 'Ihre Herkunft muss in fieldrail.json unter dashboards.frames stehen.',
      },
    }),
    reload_s: whole({ en: 'Load anew every', de: 'Neu laden alle' }, undefined, { min: 5, max: 86_400, unit: 's' }),
  }),
  fits: () => 0,
  View,
});
