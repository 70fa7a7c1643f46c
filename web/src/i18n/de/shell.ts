// Der Rahmen um jede Seite, und Wörter, die viele Seiten teilen.
import type { Texts } from '../en';

export const nav: Texts['nav'] = {
  home: 'Start',
  batteries: 'Batterien',
  bluetooth: 'Bluetooth',
  dashboards: 'Dashboards',
  gallery: 'Galerie',
  instances: 'Instanzen',
  connections: 'Verbindungen',
  first: 'Die erste Verbindung',
  data: 'Daten',
  routes: 'Routen',
  alarms: 'Alarme',
  logs: 'Protokoll',
  system: 'System',
  panic: 'Not-Aus',
  label: 'Seiten',
  skip: 'Zum Inhalt springen',
};

export const link: Texts['link'] = {
  connecting: 'verbinde …',
  live: 'live',
  lost: 'Verbindung verloren',
  retryIn: (seconds) => `neuer Versuch in ${seconds} s`,
  retryNow: 'Jetzt versuchen',
};

export const menu: Texts['menu'] = {
  open: 'Menü: Darstellung, Sprache, Konto',
  theme: 'Darstellung',
  themes: { system: 'System', light: 'Hell', dark: 'Dunkel' },
  language: 'Sprache',
  signedInAs: 'Angemeldet als',
  roles: { viewer: 'Betrachter', operator: 'Bediener', admin: 'Administrator' },
  logout: 'Abmelden',
};

export const actions: Texts['actions'] = {
  cancel: 'Abbrechen',
  close: 'Schließen',
  dismiss: 'Ausblenden',
  tryAgain: 'Erneut versuchen',
  more: 'Mehr anzeigen',
  copy: 'Adresse kopieren',
  copied: 'Kopiert',
};

export const notices: Texts['notices'] = 'Meldungen';

export const units: Texts['units'] = { s: 's', min: 'min', h: 'h', d: 'T' };
