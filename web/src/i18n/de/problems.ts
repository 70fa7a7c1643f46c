// Was schiefging.
import type { Texts } from '../en';

export const problem: Texts['problem'] = {
  unreachable: 'Fieldrail antwortet nicht',
  unreachableHint: 'Läuft der Dienst, und ist dieses Gerät in seinem Netz?',
  starting: 'Suche Fieldrail …',
  forbidden: 'Ihre Rolle erlaubt das nicht',
  forbiddenHint: 'Ein Administrator kann Ihre Rolle ändern.',
  tooMany: 'Zu viele Anfragen',
  unexpected: 'Etwas ging schief',
};

export const notFound: Texts['notFound'] = {
  title: 'Diese Seite gibt es nicht',
  text: 'Die Adresse kann aus einer anderen Version stammen oder vertippt sein.',
  home: 'Zur Startseite',
};
