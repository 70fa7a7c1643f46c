// Sätze, die nicht in Fieldrails Dienst stehen: von HTTP, von seinen Bibliotheken und von den Seiten selbst.
import type { Forms } from '../../said';

/** Wie HTTP einen Ausgang nennt. */
const titles: Forms = {
  'Bad Request': 'Die Anfrage stimmt nicht',
  Unauthorized: 'Nicht angemeldet',
  'Not Found': 'Nicht gefunden',
  'Method Not Allowed': 'Das geht hier nicht',
  'Request Timeout': 'Es hat zu lange gedauert',
  'Precondition Failed': 'Inzwischen geändert',
  'Payload Too Large': 'Zu groß',
  'Unsupported Media Type': 'Diese Art von Inhalt wird nicht angenommen',
  'Misdirected Request': 'Unbekannter Name',
  'Precondition Required': 'Es fehlt, was geändert werden soll',
  'Internal Server Error': 'Ein Fehler von Fieldrail',
  'Bad Gateway': 'Die Gegenseite antwortet nicht recht',
  'Service Unavailable': 'Geht gerade nicht',
  'Gateway Timeout': 'Keine Antwort',
  'Insufficient Storage': 'Die Platte ist voll',
};

/** Was nicht zum Aufbau eines Inhalts passt. */
const shapes: Forms = {
  'missing field `{}`': 'Der Schlüssel „{}“ fehlt',
  'unknown field `{}`, expected {}': 'Den Schlüssel „{}“ gibt es hier nicht; möglich: {}',
  'unknown field `{}`, there are no fields': 'Den Schlüssel „{}“ gibt es hier nicht',
  'unknown variant `{}`, expected {}': '„{}“ gibt es hier nicht; möglich: {}',
  'invalid type: {}, expected {}': 'Falsche Art: {}, erwartet wird {}',
  'invalid value: {}, expected {}': 'Falscher Wert: {}, erwartet wird {}',
  '{} is not of type {}': '{} ist nicht von der Art {}',
  '{} is greater than the maximum of {}': '{} ist größer als {}',
  '{} is less than the minimum of {}': '{} ist kleiner als {}',
  '{} is a required property': '{} fehlt',
  '{} is not one of {}': '{} ist keines von {}',
  'Additional properties are not allowed ({})': 'Unbekannter Schlüssel ({})',
  '{} is longer than {} characters': '{} ist länger als {} Zeichen',
  '{} is shorter than {} characters': '{} ist kürzer als {} Zeichen',
};

/** Was der Dienst erst zusammensetzt, oder was ein Beispiel enthält, das hier nicht stehen darf. */
const glued: Forms = {
  'choose {} to {} seconds': '{} bis {} Sekunden wählen.',
  'such as `{}`, without a path': 'Nur Protokoll und Name, ohne Pfad.',
  'test {}: {}': 'Test {}: {!}',
  'expected {}, got {} ({}) at {} ms': 'Erwartet {}, bekommen {} ({}) bei {} ms',
  'expected nothing, got {} ({}) at {} ms': 'Erwartet nichts, bekommen {} ({}) bei {} ms',
  'this token does not reach `more than its addresses`': 'Dieses Token gilt nur für seine Adressen',
  'this token does not reach `the panic: only a person re-arms`': 'Wieder scharf schaltet nur ein Mensch, kein Token',
  'as viewer': 'als Betrachter',
  'as operator': 'als Bediener',
  'as admin': 'als Administrator',
  'role viewer': 'Rolle Betrachter',
  'role operator': 'Rolle Bediener',
  'role admin': 'Rolle Administrator',
};

/** Was die Seiten selbst sagen, bevor sie Deutsch können. */
const pages: Forms = {
  'The answer is no JSON.': 'Die Antwort ist kein JSON.',
  'Unreadable answer': 'Unlesbare Antwort',
};

export const foreign: Forms = { ...titles, ...shapes, ...glued, ...pages };
