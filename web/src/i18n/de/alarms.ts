// Die Seite der Alarme und die Glocke.
import type { Texts } from '../en';

export const alarms: Texts['alarms'] = {
  title: 'Alarme',
  bell: (active, waiting) =>
    active + waiting === 0 ? 'Keine Alarme' : `Alarme: ${active} aktiv, ${waiting} nicht quittiert`,
  none: 'Keine Alarme',
  noneHelp: 'Nichts ist aktiv, und alles ist quittiert. Ein Datenpunkt wird zum Alarm durch "role": "alarm" in datapoints.json.',
  states: {
    active: 'aktiv, nicht quittiert',
    acknowledged: 'aktiv, quittiert',
    cleared: 'vorbei, nicht quittiert',
    normal: 'normal',
  },
  severities: { info: 'Hinweis', warning: 'Warnung', critical: 'kritisch' },
  flaps: 'kommt und geht; wird gehalten, bis eine Minute lang Ruhe ist',
  sourceLost: 'seine Quelle ist nicht zu fragen',
  activated: 'seit',
  cleared: 'vorbei seit',
  acknowledge: 'Quittieren',
  acknowledgeOf: (name) => `${name} quittieren`,
  acknowledgeAll: (count) => (count === 1 ? 'Quittieren' : `Alle ${count} quittieren`),
  acknowledgedBy: (by, at) => `quittiert von ${by}, ${at}`,
  comment: 'Bemerkung',
  moreThanShown: 'Es sind mehr, als hier gezeigt werden.',
  events: 'Was geschehen ist',
  noEvents: 'Noch kein Alarm.',
  happened: { activated: 'gekommen', cleared: 'gegangen', acknowledged: 'quittiert' },
};
