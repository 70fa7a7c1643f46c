import { expect, test } from 'vitest';
import { refusedText } from '../src/i18n/refused';
import { saidText } from '../src/i18n/said';

test('what a battery says and cannot be is said in German, also behind a name', () => {
  const sentences: [english: string, german: string][] = [
    ['the 16 cells add up to 52.83 V, and the pack says 48.10 V', 'die 16 Zellen ergeben zusammen 52,83 V, der Pack meldet 48,10 V'],
    ['left: the 4 cells add up to 13.10 V, and the pack says 12.00 V', 'left: die 4 Zellen ergeben zusammen 13,10 V, der Pack meldet 12,00 V'],
    ['nothing of what it says has changed for 3 polls (6 s), though -20.5 A flow', 'seit 3 Abfragen (6 s) ändert sich nichts, obwohl -20,5 A fließen'],
    ['the battery: nothing of what it says has changed for 3 polls (6 s), not even its clock goes on', 'die Batterie: seit 3 Abfragen (6 s) ändert sich nichts, auch ihre Uhr steht'],
    ['the charge went from 173.20 to 143.20 Ah within 1 s, and the current explains +0.01 Ah of it', 'die Ladung sprang in 1 s von 173,20 auf 143,20 Ah, der Strom erklärt davon +0,01 Ah'],
    [
      'in 4 min +2.10 Ah flowed, and the charge changed by -2.00 Ah; does the current have the wrong sign (`invert_current`)?',
      'in 4 min flossen +2,10 Ah, die Ladung änderte sich um -2,00 Ah; hat der Strom das falsche Vorzeichen (`invert_current`)?',
    ],
    ['the battery at address 3 does not answer: no answer within 1000 ms on /dev/ttyUSB0', 'die Batterie an Adresse 3 antwortet nicht: keine Antwort innerhalb von 1000 ms an /dev/ttyUSB0'],
    [
      "the battery is not understood: the key is wrong: the device's key begins with AF, this one with BF on D4:00:00:00:00:02",
      'die Batterie ist nicht zu verstehen: der Schlüssel ist falsch: der des Geräts beginnt mit AF, dieser mit BF an D4:00:00:00:00:02',
    ],
    ['left, right and 2 more do not answer', 'left, right und 2 weitere antworten nicht'],
    ['left does not answer; the sum is that of the others', 'left antwortet nicht; die Summe ist die der anderen'],
    ['left, right do not say it; the sum is that of the others', 'left, right melden es nicht; die Summe ist die der anderen'],
    ['this battery does not say it', 'diese Batterie meldet es nicht'],
    ['reads jbd (dd) on /dev/ttyUSB0, ant (new_7ea1) on A5:C2:37:00:00:01', 'liest jbd (dd) an /dev/ttyUSB0, ant (new_7ea1) an A5:C2:37:00:00:01'],
  ];
  for (const [english, german] of sentences) {
    expect(saidText(english, 'de')).toBe(german);
    expect(saidText(english, 'en')).toBe(english);
    expect(refusedText(english)).toBe(german);
  }
  expect(saidText('something else entirely', 'de')).toBe('something else entirely');
});
