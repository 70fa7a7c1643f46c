// Was der Dienst abweist, auf Deutsch: nach dem englischen Satz, in dem `{}` für einen Wert steht. Was hier fehlt, bleibt englisch.
// Die ganze Tafel kommt nach, siehe `refusals.svelte.ts`.
import type { Forms } from '../said';
import { dashboards } from './refused/dashboards';
import { deeds } from './refused/deeds';
import { drivers } from './refused/drivers';
import { files } from './refused/files';
import { foreign } from './refused/foreign';
import { house } from './refused/house';
import { people } from './refused/people';
import { rules } from './refused/rules';

/** Was jede Anfrage treffen kann. */
const all: Forms = {
  '{}; did you mean `{}`?': '{!}; meinten Sie „{}“?',
  '{}; nothing was changed': '{!}; nichts wurde geändert',
  'did you mean `{}`?': 'Meinten Sie „{}“?',
  '{} was changed by somebody else since you read it': '{!} wurde inzwischen von jemand anderem geändert',
  'read it again, then repeat your change': 'Neu laden und die Änderung wiederholen.',
  'this needs the role {}; yours is {}': 'Das verlangt die Rolle {!}; Ihre ist {!}',
  'ask an administrator of this house': 'Einen Administrator dieses Hauses fragen.',
  'this token does not reach `{}`': 'Dieses Token reicht nicht bis „{}“',
  'make a token whose scope holds this address: fieldrail token': 'Ein Token anlegen, das diese Adresse umfasst: fieldrail token',
  'too many tries; try again in {} s': 'Zu viele Versuche; in {} s noch einmal',
  'this needs a session or a token': 'Dafür muss man angemeldet sein',
  'log in first': 'Zuerst anmelden.',
  'a change with a cookie needs the header X-Fieldrail: 1': 'Eine Änderung mit Cookie braucht den Header X-Fieldrail: 1',
  'it keeps other pages from acting in your name': 'Er hält andere Seiten davon ab, in Ihrem Namen zu handeln.',
  'this house is not called `{}`': 'Dieses Haus heißt nicht „{}“',
  'use its IP address or `localhost`, or add the name to `hosts` in fieldrail.json':
    'Seine IP-Adresse oder `localhost` nehmen, oder den Namen in fieldrail.json unter `hosts` eintragen.',
  'another page may not open this connection': 'Eine andere Seite darf diese Verbindung nicht öffnen',
  'there is nothing here': 'Hier ist nichts',
  'the pages are behind `/`': 'Die Seiten liegen hinter `/`.',
  'a fault of Fieldrail; its log says more': 'Ein Fehler von Fieldrail; mehr steht im Protokoll',
  'this needs If-Match': 'Das braucht If-Match',
  'send the `etag` of the entry as you read it': 'Das `etag` des Eintrags mitschicken, wie er gelesen wurde.',
  'the query is wrong: {}': 'Die Abfrage stimmt nicht: {}',
  'the body is larger than {} bytes': 'Das ist größer als {} Bytes',
  'send less at once': 'Weniger auf einmal schicken.',
  'the body broke off: {}': 'Die Übertragung brach ab: {}',
  'the body did not arrive in time': 'Die Übertragung dauerte zu lange',
  'the body is wrong: {}': 'Was geschickt wurde, stimmt nicht: {}',
  'the body is no UTF-8 text from byte {} on': 'Ab Byte {} ist das kein UTF-8-Text',
  'save the file as UTF-8': 'Die Datei als UTF-8 speichern.',
  'too many live connections': 'Zu viele Seiten sind zugleich offen',
  'close a browser window that is not looked at': 'Ein Fenster schließen, das niemand ansieht.',
  'the session has ended': 'Die Sitzung ist zu Ende',
  'the daemon stops': 'Der Dienst endet',
  'too many messages': 'Zu viele Nachrichten',
  'try again in a moment': 'Gleich noch einmal versuchen.',
  'try again': 'Noch einmal versuchen.',
  'is the disk full?': 'Ist die Platte voll?',
  'the disk is full: free some space; nothing was changed': 'Die Platte ist voll: Platz schaffen. Nichts wurde geändert.',
};

const sentences: Forms = { ...foreign, ...all, ...deeds, ...people, ...dashboards, ...house, ...files, ...rules, ...drivers };

/** Die längsten zuerst: was eine kurze Form für einen Wert hielte, kann in einer langen ein Wort sein. */
export const refused: Forms = Object.fromEntries(Object.entries(sentences).sort(([a], [b]) => b.length - a.length));
