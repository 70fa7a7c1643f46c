// Datenpunkte: Listen, Baum, ein einzelner, Schreiben, und wie gut ein Wert ist.
import type { Texts } from '../en';

export const data: Texts['data'] = {
  title: 'Daten',
  view: 'Ansicht',
  views: { list: 'Liste', tree: 'Baum' },
  search: 'Name oder Adresse suchen',
  instance: 'Instanz',
  allInstances: 'Alle Instanzen',
  count: (shown, total) => `${shown} von ${total}`,
  datapoint: 'Datenpunkt',
  value: 'Wert',
  quality: 'Qualität',
  age: 'Alter',
  empty: 'Noch keine Datenpunkte',
  emptyHelp: 'Datenpunkte erscheinen, sobald eine Instanz etwas liest.',
  emptyLink: 'Instanzen ansehen',
  nothingFound: 'Nichts gefunden',
  nothingFoundHelp: (search) => `Kein Datenpunkt hat „${search}“ in Name oder Adresse.`,
  nothingHere: 'Diese Instanz hat noch keine Datenpunkte.',
  clear: 'Suche leeren',
  now: 'jetzt',
  unknownAge: 'Alter unbekannt: die Verbindung ist verloren',
};

export const tree: Texts['tree'] = {
  own: { calc: 'Berechnet (calc)', system: 'Das Haus selbst (system)' },
  label: 'Datenpunkte nach Instanz',
  keys: 'Pfeiltasten bewegen und klappen auf, Eingabe öffnet einen Datenpunkt.',
  loading: 'Lädt …',
  empty: 'Hier ist nichts',
  more: 'Mehr anzeigen',
  noInstances: 'Es gibt noch keine Instanz zum Durchsuchen.',
};

export const point: Texts['point'] = {
  loading: 'Lädt …',
  address: 'Adresse',
  name: 'Name',
  instance: 'Instanz',
  tag: 'Tag',
  type: 'Typ',
  unit: 'Einheit',
  quality: 'Qualität',
  note: 'Hinweis',
  sourceTime: 'Quellzeit',
  receiveTime: 'Empfangen',
  access: 'Zugriff',
  writable: 'lesbar und schreibbar',
  readOnly: 'nur lesbar',
  raw: 'Wert als JSON',
  bytes: (n) => (n === 1 ? '1 Byte' : `${n} Bytes`),
};

export const write: Texts['write'] = {
  title: 'Schreiben',
  value: 'Neuer Wert',
  as: 'Als',
  kinds: { bool: 'Bool', int: 'Ganzzahl', float: 'Zahl', text: 'Text', json: 'JSON', bytes: 'Bytes (hex)' },
  submit: 'Schreiben',
  pending: 'Geschrieben, warte auf das Gerät …',
  confirmed: 'Vom Gerät bestätigt.',
  rejected: 'Abgelehnt',
  expired: 'Abgelaufen, bevor es das Gerät erreicht hat.',
  superseded: 'Durch einen neueren Schreibbefehl ersetzt.',
  stillPending: 'Gesendet. Das Gerät hat es noch nicht bestätigt.',
  misfit: {
    empty: 'Bitte einen Wert eingeben.',
    int: 'Das ist keine ganze Zahl.',
    range: 'Diese Zahl passt nicht in 64 Bit.',
    float: 'Das ist keine Zahl.',
    json: 'Das ist kein JSON.',
    bytes: 'Bitte Paare von Hexadezimalziffern eingeben.',
  },
};

export const quality: Texts['quality'] = { good: 'gut', uncertain: 'unsicher', bad: 'schlecht', unknown: 'unbekannt' };

export const reasons: Texts['reasons'] = {
  write_pending: 'Schreiben läuft',
  backfill: 'verspätet',
  last_usable: 'letzter guter Wert',
  substitute: 'Ersatzwert',
  initial: 'Anfangswert',
  implausible: 'unplausibel',
  not_connected: 'nicht verbunden',
  stale: 'veraltet',
  device_failure: 'Gerätefehler',
  config_error: 'falsch eingestellt',
  out_of_range: 'außer Bereich',
  type_mismatch: 'falscher Typ',
  not_found: 'nicht gefunden',
  calculation_error: 'Rechenfehler',
  loop_detected: 'Schleife',
  no_data: 'noch keine Daten',
};
