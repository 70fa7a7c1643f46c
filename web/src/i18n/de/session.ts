// Das erste Konto und die Anmeldung.
import type { Texts } from '../en';

export const setup: Texts['setup'] = {
  title: 'Fieldrail einrichten',
  intro: 'Hier hat noch niemand ein Konto. Sie legen das erste an; es verwaltet alles.',
  code: 'Einmal-Code',
  codeHelp: 'Der Dienst gibt diesen Code beim Start aus: im Terminal, in dem er läuft, oder in seinem Protokoll.',
  codeCommand: 'journalctl -u fieldrail | grep code',
  name: 'Ihr Name',
  password: 'Passwort',
  repeat: 'Passwort wiederholen',
  mismatch: 'Die beiden Passwörter sind verschieden.',
  submit: 'Konto anlegen',
};

export const login: Texts['login'] = {
  title: 'Anmelden',
  name: 'Name',
  password: 'Passwort',
  submit: 'Anmelden',
  expired: 'Ihre Sitzung ist zu Ende. Bitte melden Sie sich neu an.',
  wrong: 'Name oder Passwort stimmt nicht.',
  linkUsed:
    'Dieser Anmelde-Link wurde schon benutzt oder ist abgelaufen. Melden Sie sich mit Name und Passwort an.',
  wait: (seconds) => `Zu viele Versuche. Bitte ${seconds} s warten.`,
  waitSome: 'Zu viele Versuche. Bitte einen Moment warten.',
};
