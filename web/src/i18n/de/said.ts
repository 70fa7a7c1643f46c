// Was Treiber und Dienst in ganzen Sätzen sagen, ohne Schlüssel: nach der Form des englischen Satzes. Was keine hat, bleibt, wie es kam.
import type { Causes } from '../en/causes';

/** Eine Zahl aus einem englischen Satz. */
export const number = (text = ''): string => text.replace(/(\d)\.(\d)/, '$1,$2');

/** Wie es um eine Verbindung steht, die steht oder entsteht. */
const standing: Causes['said'] = [
  [/^ready$/, () => 'bereit'],
  [/^connects to (\S+) at (\S+)$/, ([to, at]) => `verbindet sich mit ${to} unter ${at}`],
  [/^connects to (\S+)$/, ([to]) => `verbindet sich mit ${to}`],
  [/^connected to (\S+) at (\S+), (\d+) symbols$/, ([to, at, count]) => `verbunden mit ${to} unter ${at}, ${count} Symbole`],
  [/^connected to (\S+)$/, ([to]) => `verbunden mit ${to}`],
  [/^not connected to (\S+) yet$/, ([to]) => `noch nicht verbunden mit ${to}`],
  [/^listens on ([^;]+); nobody can log in: there are no users$/, ([on]) => `lauscht auf ${on}; niemand kann sich anmelden: es gibt keine Benutzer`],
  [/^listens on ([^;]+)$/, ([on]) => `lauscht auf ${on}`],
  [/^the instance `(.+)` does not run$/, ([id]) => `die Instanz „${id}“ läuft nicht`],
];

/** Ein Fehler, wie er sich in der Liste der Fehler nennt. */
const failing: Causes['said'] = [
  [/^hangs: missed (\d+) heartbeats, no progress for ([\d.]+) s$/, ([missed, s]) => `hängt: ${missed} Lebenszeichen fehlen, seit ${number(s)} s kein Fortschritt`],
  [/^exited with code 0 without being asked to end$/, () => 'endete ungefragt mit Code 0'],
  [/^exited with code (\d+)$/, ([code]) => `endete mit Code ${code}`],
  [/^was ended by signal (.+)$/, ([signal]) => `wurde durch Signal ${signal} beendet`],
  [/^ended, nobody knows how$/, () => 'ist geendet, niemand weiß wie'],
  [/^has not said hello within ([\d.]+) s$/, ([s]) => `hat sich in ${number(s)} s nicht gemeldet`],
  [/^has not read what it is told for ([\d.]+) s$/, ([s]) => `liest seit ${number(s)} s nicht, was ihm gesagt wird`],
];

/** Warum ein Datenpunkt seinen Wert hat. */
const explaining: Causes['said'] = [
  [/^It says so itself; no route writes it\.$/, () => 'Er sagt es selbst; keine Route schreibt ihn.'],
  [/^No route has sent it anything yet\.$/, () => 'Noch keine Route hat ihm etwas gesandt.'],
  [/^The route `(.+)` sent it, from `(.+)`\.$/, ([id, from]) => `Die Route „${id}“ hat ihn gesandt, von „${from}“.`],
  [/^The route `(.+)` sent it\.$/, ([id]) => `Die Route „${id}“ hat ihn gesandt.`],
  [/^A route that was changed since sent it, from `(.+)`\.$/, ([from]) => `Eine inzwischen geänderte Route hat ihn gesandt, von „${from}“.`],
  [/^A route that was changed since sent it\.$/, () => 'Eine inzwischen geänderte Route hat ihn gesandt.'],
  [/^It has taken no value since it was last changed\.$/, () => 'Sie hat seit ihrer letzten Änderung keinen Wert genommen.'],
  [/^The route `(.+)` has a higher priority and holds the target for (\S+) s\.$/, ([id, s]) => `Die Route „${id}“ hat höheren Vorrang und hält das Ziel noch ${number(s)} s.`],
  [/^The quality `(.+)` is not good enough for this target\.$/, ([quality]) => `Die Qualität „${quality}“ reicht für dieses Ziel nicht.`],
];

/** Was eine Mauer hält, und was Figuren fehlt. */
const walls: Causes['said'] = [
  [/^permitted by its manifest$/, () => 'sein Manifest erlaubt es'],
  [/^no limit$/, () => 'keine Grenze'],
  [/^(\d+) of each process$/, ([n]) => `${n} je Prozess`],
  [/^(\d+) processes and threads(, no children \(seccomp\))?$/, ([n, alone]) => `${n} Prozesse und Threads${alone ? '; keine Kinder, dank seccomp' : ''}`],
  [/^(\d+) % of one core$/, ([n]) => `${n} % eines Kerns`],
  [/^needs Linux 6\.12 or PID namespaces$/, () => 'braucht Linux 6.12 oder PID-Namensräume'],
  [/^TCP only; (\d+) UDP sockets are not counted$/, ([n]) => `nur TCP; ${n} UDP-${n === '1' ? 'Anschluss ist' : 'Anschlüsse sind'} nicht gezählt`],
];

export const sentences: Causes['said'] = [...standing, ...failing, ...explaining, ...walls];
