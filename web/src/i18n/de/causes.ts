// Warum eine Instanz in ihrem Zustand ist: jeder Satz des Dienstes nach seinem Schlüssel.
import type { Causes, Sentence } from '../en/causes';
import { batterySaid } from './batterySaid';
import { advice } from './advice';
import { number, sentences as others } from './said';

const sentences: Record<string, Sentence> = {
  not_started: () => 'ist nicht gestartet',
  stopped: () => 'wurde gestoppt',
  ended_late: () => 'endete nicht rechtzeitig und wurde hart beendet',
  killed: () => 'wurde auf Wunsch hart beendet',
  being_started: () => 'wird gestartet',
  awaits_hello: () => 'ist gestartet und hat sich noch nicht gemeldet',
  no_hello: ({ seconds }) => `hat sich in ${number(seconds)} s nicht gemeldet`,
  greeted: () => 'hat sich gemeldet',
  says_nothing: ({ seconds }) => `hat in ${number(seconds)} s nicht gesagt, wie es um die Verbindung steht`,
  runs: () => 'läuft',
  connecting: () => 'verbindet sich',
  still_connecting: () => 'verbindet sich noch immer',
  works_in_part: () => 'meldet, dass nur ein Teil arbeitet',
  cannot_work: () => 'meldet, dass es nicht arbeiten kann',
  asked_to_end: () => 'soll enden',
  asked_to_restart: () => 'soll enden und startet dann neu',
  starts_again: ({ seconds }) => `startet in ${number(seconds)} s neu`,
  not_again: () => 'ein Neustart von selbst ist abgeschaltet',
  gave_up: ({ times, minutes }) => `fiel ${times}-mal in ${minutes} Minuten aus`,
  hangs: ({ missed, seconds }) => `hängt: ${missed} Lebenszeichen fehlen, seit ${number(seconds)} s kein Fortschritt`,
  reads_nothing: ({ seconds }) => `liest seit ${number(seconds)} s nicht, was ihm gesagt wird`,
  exited: ({ code }) => `endete mit Code ${code}`,
  exited_unasked: () => 'endete ungefragt mit Code 0',
  ended_by_signal: ({ signal }) => `wurde durch Signal ${signal} beendet`,
  ended_somehow: () => 'ist geendet, niemand weiß wie',
  last_words: ({ line }) => `letzte Worte: ${line}`,
  cannot_start: ({ error }) => `lässt sich nicht starten: ${error}`,
  flood: ({ rate, limit, at }) => `sandte ${rate} Werte/s über zehn Sekunden, erlaubt sind ${limit}/s; um ${at} angehalten`,
  over_memory: ({ limit }) => `brauchte mehr als seine ${limit} MB Speicher und wurde beendet`,
  over_memory_often: ({ limit }) =>
    `brauchte zum dritten Mal in zehn Minuten mehr als seine ${limit} MB Speicher und ist angehalten`,
  ended: () => 'wurde beendet',
  suspended: () => 'wurde beendet und ist angehalten',
  suspended_third_time: () => 'wurde zum dritten Mal in zehn Minuten beendet und ist angehalten',
  no_beat: ({ since }) => `gibt seit ${since} kein Lebenszeichen`,
  deaf: ({ since }) => `liest seit ${since} nichts von dem, was ihm gesagt wird`,
  spinning: ({ since }) => `verbraucht seit ${since} Prozessorzeit und wird mit nichts fertig`,
  owing: ({ since }) => `schuldet seit ${since} das Ende von Schreibvorgängen`,
  silent: ({ since, tag }) => (tag ? `„${tag}“ kommt seit ${since} nicht mehr` : `ist verbunden, aber vom Gerät kam seit ${since} nichts`),
  frozen: ({ since, tag }) => (tag ? `„${tag}“ ändert sich seit ${since} nicht` : `keiner seiner Werte hat sich seit ${since} geändert`),
};

/** Why a device is not reached, as all drivers say it. */
const whys: Record<string, string> = {
  'connection refused': 'Verbindung abgelehnt',
  'no answer': 'keine Antwort',
  'the host name is not known': 'den Namen kennt niemand',
  'no route to the host': 'kein Weg dorthin',
  'closed by the other side': 'von der Gegenseite geschlossen',
  'wrong user or password': 'Benutzer oder Passwort falsch',
  'not authorised': 'nicht berechtigt',
};

/** Also one that has more before its cause: `10.0.0.1 cannot be reached: connection refused`. */
function why(text: string): string {
  const known = whys[text];
  if (known) return known;
  const [, place, reason = ''] = /^(.+) cannot be reached: (.+)$/.exec(text) ?? [];
  if (place) return `${place} ist nicht erreichbar: ${why(reason)}`;
  const [, broken] = /^the link broke: (.+)$/.exec(text) ?? [];
  if (broken) return `die Verbindung brach ab: ${why(broken)}`;
  const [, target, ms] = /^(.+) did not answer within (\d+) ms$/.exec(text) ?? [];
  return target ? `${target} antwortete nicht innerhalb von ${ms} ms` : text;
}

const time = (text: string) => text.replace(/^long ago$/, 'langem').replace(/^later$/, 'später');

/** As the drivers' kit makes them. */
const said: Causes['said'] = [
  [
    /^waits for (.+?) \((.+)\) since (.+?), next try in (\d+) s \(([^)]+)\)(?: at (.+))?$/s,
    ([place = '', reason = '', since = '', seconds = '', at = '', other]) =>
      `wartet auf ${place} (${why(reason)}) seit ${time(since)}, nächster Versuch in ${number(seconds)} s (${time(at)})${other ? ` bei ${other}` : ''}`,
  ],
  [
    /^(.+), since (.+?), next try in (\d+) s \(([^)]+)\)$/s,
    ([reason = '', since = '', seconds = '', at = '']) => `${why(reason)}, seit ${time(since)}, nächster Versuch in ${number(seconds)} s (${time(at)})`,
  ],
  [/^connected$/, () => 'verbunden'],
  [/^(connection refused|no answer|the host name is not known|no route to the host|closed by the other side|wrong user or password|not authorised)$/, ([text = '']) => why(text)],
  [/^(.+ cannot be reached: .+|the link broke: .+|.+ did not answer within \d+ ms)$/s, ([text = '']) => why(text)],
  ...batterySaid,
  ...others,
];

const log = 'Warum, steht im Protokoll; danach neu starten.';

const hints: Record<string, string> = {
  gave_up: log,
  exited: log,
  no_hello: 'Ist das Programm ein Plugin? Es muss sich auf der Standardausgabe melden.',
  cannot_start: 'Ist das Programm da, und darf dieser Benutzer es starten? Siehe das Manifest des Plugins.',
  hangs: 'Worauf es wartet, sagt vielleicht sein eigenes Protokoll.',
  flood: 'Was sendet so viel? Ist es richtig so, die Grenze für Werte je Sekunde anheben, dann freigeben.',
  over_memory: 'Wächst der Speicher ohne Ende? Braucht es wirklich mehr, die Grenze anheben.',
  over_memory_often: 'Wächst der Speicher ohne Ende? Braucht es wirklich mehr, die Grenze anheben, dann freigeben.',
  no_beat: 'Worauf es wartet, sagt vielleicht sein eigenes Protokoll.',
  deaf: 'Es lebt und hört nicht zu: worauf es wartet, sagt vielleicht sein eigenes Protokoll.',
  owing: 'Jedes Schreiben muss bestätigt oder abgelehnt werden: was daraus wurde, sagt vielleicht sein Protokoll.',
  silent: 'Sendet das Gerät noch? Ein Neustart der Instanz baut die Verbindung neu auf.',
  frozen: 'Hängt das Gerät selbst? Sonst in „Grenzen und Gesundheit“ eine längere Zeit erlauben.',
};

export const causes: Causes = {
  panicked: 'wurde durch den Not-Aus beendet; ein Administrator schaltet wieder scharf',
  sentences,
  said,
  hints,
  advice,
};
