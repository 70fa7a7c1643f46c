// Wörter und Teile, die in einem Satz an der Stelle eines Wertes stehen. Allein bleiben sie, wie sie sind: so kann auch etwas heißen.
import type { Forms } from '../../said';

export const words: Forms = {
  // Rollen, und was jemand anderes geändert hat.
  Viewer: 'Betrachter',
  Operator: 'Bediener',
  Admin: 'Administrator',
  'what is to be restored': 'Was wiederhergestellt werden soll,',
  // Was auf Dashboards ist, und was keine Kamera und kein Import ist.
  pages: 'Seiten',
  widgets: 'Widgets',
  templates: 'Vorlagen',
  dashboards: 'Seiten',
  bindings: 'Datenpunkte',
  rules: 'Regeln',
  bytes: 'Bytes',
  'bytes of an address': 'Bytes einer Adresse',
  undo: 'Rückgängigmachen',
  redo: 'Wiederholen',
  'a project of ioBroker.vis': 'ein Projekt von ioBroker.vis',
  'a dashboard of Grafana': 'ein Dashboard von Grafana',
  'a dashboard of Home Assistant': 'ein Dashboard von Home Assistant',
  'no address': 'keine',
  'a cloud metadata address': 'die eines Cloud-Dienstes',
  'this machine itself': 'dieser Rechner selbst',
  'no address of one machine': 'nicht die eines einzelnen Geräts',
  // Was mit einer Datei geschehen sollte.
  read: 'lesen',
  write: 'schreiben',
  open: 'öffnen',
  create: 'anlegen',
  lock: 'sperren',
  watch: 'beobachten',
  'set aside': 'beiseitelegen',
  // Teile eines Ausdrucks.
  'the end': 'das Ende',
  'a condition': 'eine Bedingung',
  anything: 'alles',
  'the result': 'das Ergebnis',
  'a function without arguments': 'eine Funktion ohne Werte',
  'the number of digits': 'die Zahl der Stellen',
  'a place in a text': 'eine Stelle in einem Text',
  // Arten von Werten und Quellen.
  'a number': 'eine Zahl',
  'a text': 'ein Text',
  'a bool': 'ein Wahrheitswert',
  'true or false': 'wahr oder falsch',
  true: 'wahr',
  false: 'falsch',
  'has the tag': 'hat den Namen',
  'is of the instance': 'ist von der Instanz',
  // Die Platte.
  'the disk is slow': 'die Platte ist langsam',
};
