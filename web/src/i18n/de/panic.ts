// Der Not-Aus, sein Dialog und das Band.
import type { Texts } from '../en';

export const panic: Texts['panic'] = {
  short: 'Not-Aus',
  button: 'Not-Aus: alles abschalten',
  title: 'Not-Aus',
  text: 'Nach Ablauf enden laufende Pulse, sichere Werte werden geschrieben, danach wird nichts mehr geschrieben. Dann werden alle Verbindungen getrennt.',
  escape: 'Escape bricht ab.',
  now: 'Sofort',
  failed: 'Der Not-Aus kam nicht durch!',
  latched: 'Das Haus ist im Not-Aus: es wird nichts geschrieben',
  latchedText: (by, since, reached) =>
    `Durch ${by}, ${since}. Geschriebene sichere Werte: ${reached}.`,
  cut: 'Alle Verbindungen sind getrennt, die Routen stehen.',
  rearming: 'Das Haus wird wieder scharf geschaltet: die Routen stehen',
  rearmingText: 'Was wieder scharf ist, läuft und lässt sich von Hand schalten.',
  fault: (fault) => `Die Verriegelung steht nicht richtig auf der Platte: ${fault}`,
  missed: 'Nicht bei seinem Gerät angekommen; bitte dort nachsehen:',
  router: 'Routen, und was auf der Platte wartet',
  rearm: 'Scharf schalten',
  rearmOf: (name) => `Scharf schalten: ${name}`,
  done: 'ist wieder scharf',
  writesNothing: 'verbindet sich; schreibt von selbst nichts',
  writesEnds: (list) => `verbindet sich und schreibt ${list}`,
  writesRouter: (routes, waiting) => `${routes} Routen schreiben wieder; ${waiting} Werte, die auf der Platte warten, gehen hinaus`,
  onlyAdmin: 'Wieder scharf schaltet ein Administrator.',
};
