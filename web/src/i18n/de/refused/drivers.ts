// Warum ein Treiber etwas ablehnt: schreiben, pulsen, eine Aktion, eine Verbindung, die noch getestet wird.
import type { Forms } from '../../said';

const kit: Forms = {
  'the configuration is wrong at `{}`: {}': 'Die Einstellung „{}“ stimmt nicht: {!}',
  "compare it with the driver's schema: fieldrail schema driver:NAME": 'Mit dem Schema des Treibers vergleichen: fieldrail schema driver:NAME',
  'the arguments of `{}` are wrong: {}': 'Die Eingaben für „{}“ stimmen nicht: {!}',
  'the arguments are wrong: {}': 'Die Eingaben stimmen nicht: {!}',
  'there is no action `{}`': 'Es gibt keine Aktion „{}“',
  'this driver cannot do that': 'Das kann dieser Treiber nicht',
  'the write uses a tag number that was never declared': 'Den Datenpunkt kennt der Treiber nicht',
  'there is no device {}': 'Das Gerät {} gibt es nicht',
  'there is no device `{}`; known are {}': 'Das Gerät „{}“ gibt es nicht; bekannt sind {}',
  'no permission to open {}': '{} darf der Dienst nicht öffnen',
  '{} is in use by another program': '{} benutzt ein anderes Programm',
  '{} is no serial port': '{} ist keine serielle Schnittstelle',
  'cannot connect to {}:{}: {}': 'Keine Verbindung mit {}:{}: {!}',
  'there is no `{}`': '„{}“ gibt es nicht',
  'there is nothing below `{}`': 'Unter „{}“ ist nichts',
  'there is nothing at `{}`': 'Bei „{}“ ist nichts',
  '`{}` can only be read': '„{}“ lässt sich nur lesen',
  '{} writes wait already': 'Es warten schon {} Schreibvorgänge',
  'no answer within {} ms': 'Keine Antwort innerhalb von {} ms',
};

const plcs: Forms = {
  'the PLC has no variable `{}`': 'Die SPS hat keine Variable „{}“',
  '`{}` ({}) does not take this: {}': '„{}“ ({}) nimmt das nicht: {!}',
  '`{}` cannot be written: {}': '„{}“ lässt sich nicht schreiben: {!}',
  '`{}` was written and reads {}: the PLC program has overwritten it': '„{}“ wurde geschrieben und liest sich als {}: das SPS-Programm hat ihn überschrieben',
  'the PLC is in {}; values stand still': 'Die SPS ist in {}; die Werte stehen',
  'the PLC program has just changed; its symbols are being read again': 'Das SPS-Programm hat sich gerade geändert; seine Symbole werden neu gelesen',
  'the device is in {} mode: no PLC runs, port {} is not there': 'Das Gerät ist in {}: keine SPS läuft, Port {} gibt es nicht',
  'there is no runtime at port {}': 'An Port {} ist keine Laufzeit',
  'there is no runtime at port {}, but one at {}, of TwinCAT {}': 'An Port {} ist keine Laufzeit, aber eine an {}, von TwinCAT {}',
  '{} does not answer on UDP {}': '{} antwortet nicht an UDP {}',
  '{} refuses the route: user or password are wrong': '{} lehnt die Route ab: Benutzer oder Passwort stimmt nicht',
  '{} pulses run already': 'Es laufen schon {} Pulse',
  '{} writes wait for the PLC already': 'Es warten schon {} Schreibvorgänge auf die SPS',
  'the file was not read: {}': 'Die Datei wurde nicht gelesen: {!}',
};

const modbus: Forms = {
  '`{}` was written, but the device keeps {}': '„{}“ wurde geschrieben, aber das Gerät behält {}',
  'a search is under way already': 'Es läuft schon eine Suche',
  'unit {} does not answer: {}': 'Gerät {} antwortet nicht: {!}',
  'unit {} refuses: {}': 'Gerät {} lehnt ab: {!}',
  'the unit answered something else': 'Das Gerät antwortete etwas anderes',
  'the answer was damaged': 'Die Antwort war beschädigt',
  '{} cannot be written as {}': '{} lässt sich nicht als {} schreiben',
  '`first` is above `last`, or `timeout_ms` is not 10 to 5000': '`first` liegt über `last`, oder `timeout_ms` ist nicht 10 bis 5000',
};

const batteries: Forms = {
  '`{}` is not written: `writes` is off in this connection': '„{}“ wird nicht geschrieben: in dieser Verbindung ist Schreiben aus',
  '`{}` is a switch, and {} is neither on nor off': '„{}“ ist ein Schalter, und {} ist weder ein noch aus',
  '`{}` was written, but the battery still says {}': '„{}“ wurde geschrieben, aber die Batterie sagt weiter {}',
  '`{}` is not pulsed: a battery is switched on purpose': '„{}“ bekommt keinen Puls: eine Batterie schaltet man mit Absicht',
  'the battery refuses: {}': 'Die Batterie lehnt ab: {!}',
  'the key has {} bytes; it takes 16': 'Der Schlüssel hat {} Bytes; es müssen 16 sein',
  '{} actions are under way already': 'Es laufen schon {} Aktionen',
  '{} is being paired': '{} wird gerade gekoppelt',
};

const messages: Forms = {
  '`{}` is no topic: {}': '„{}“ ist kein Topic: {!}',
  'a topic has no pulse': 'Ein Topic hat keinen Puls',
  'write it without a pulse': 'Ohne Puls schreiben.',
  'write less often': 'Seltener schreiben.',
  'a part of a JSON payload cannot be written': 'Ein Teil einer JSON-Nachricht lässt sich nicht schreiben',
  'it does not speak this version of MQTT': 'Er spricht diese Version von MQTT nicht',
  'it does not take the client id': 'Er nimmt diese Client-ID nicht',
  'the broker refuses it: {}': 'Der Broker lehnt es ab: {!}',
  'the broker refuses the connection: {}': 'Der Broker lehnt die Verbindung ab: {!}',
  'the broker refuses to subscribe `{}`: {}': 'Der Broker lässt „{}“ nicht abonnieren: {!}',
  'the TLS handshake failed: {}': 'TLS kam nicht zustande: {!}',
  'the link broke before the broker had answered; it may have arrived': 'Die Verbindung brach ab, bevor der Broker antwortete; vielleicht kam es an',
  'there was no link to the broker in time': 'Der Broker war nicht rechtzeitig erreichbar',
  'there is no payload for null': 'Für null gibt es keine Nachricht',
  'to clear a retained message call the action `clear_retained`': 'Eine behaltene Nachricht löscht die Aktion `clear_retained`.',
  'topics that begin with `$` belong to the broker': 'Topics mit `$` am Anfang gehören dem Broker',
  '{} writes wait for the broker already': 'Es warten schon {} Schreibvorgänge auf den Broker',
  'the broker does not run': 'Der Broker läuft nicht',
  'cannot listen on {}': 'Auf {} lässt sich nicht lauschen',
  'a request cannot be taken back, so a webhook has no pulse': 'Eine Anfrage lässt sich nicht zurücknehmen, also hat ein Webhook keinen Puls',
  '{} requests wait already': 'Es warten schon {} Anfragen',
  '`url` begins with neither {}': 'Die Adresse beginnt weder mit http noch mit https',
  '`url` is no URL': '`url` ist keine Adresse',
  '`url` holds a user or a password': '`url` enthält einen Benutzer oder ein Passwort',
  'is the receiver running, and may this machine reach it?': 'Läuft der Empfänger, und darf dieser Rechner ihn erreichen?',
  "see the instance's state": 'Siehe den Zustand der Instanz.',
};

export const drivers: Forms = { ...kit, ...plcs, ...modbus, ...batteries, ...messages };
