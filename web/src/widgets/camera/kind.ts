// The picture of a camera, through the house: the browser never asks the camera itself.
import { define } from '../kind';
import { choice, options, text, whole } from '../options';
import View from './View.svelte';

export default define({
  kind: 'camera',
  name: { en: 'Camera', de: 'Kamera' },
  about: { en: 'The picture of a camera, fetched by the house.', de: 'Das Bild einer Kamera, vom Haus geholt.' },
  icon: 'camera',
  group: 'other',
  size: { w: 4, h: 3 },
  least: { w: 2, h: 2 },
  slots: [],
  options: options({
    url: text({ en: 'Address of the picture or of the stream', de: 'Adresse des Bildes oder des Stroms' }, '', {
      most: 2_000,
      help: { en: 'It begins with http or https; only administrators see it.', de: 'Beginnt mit http oder https; nur Administratoren sehen sie.' },
    }),
    mode: choice({ en: 'What it is', de: 'Was es ist' }, {
      snapshot: { en: 'single pictures', de: 'einzelne Bilder' },
      stream: { en: 'a stream (MJPEG)', de: 'ein Strom (MJPEG)' },
    }),
    every_s: whole({ en: 'A new picture every', de: 'Ein neues Bild alle' }, 5, { min: 1, max: 3_600, unit: 's' }),
    fit: choice({ en: 'The picture', de: 'Das Bild' }, {
      contain: { en: 'is seen whole', de: 'ist ganz zu sehen' },
      cover: { en: 'fills its place', de: 'füllt seinen Platz' },
    }),
  }),
  fits: () => 0,
  View,
});
