// Was der Batterietreiber sagt: warum ein Wert nicht stimmen kann, warum eine Batterie nicht antwortet, und was zu tun ist.

import { number } from './said';

type Sentence = [RegExp, (parts: string[]) => string];

/** Whose battery it is, as the driver names one that has no name. */
const who = (text: string) => text.replace(/^the battery at address (\d+)$/, 'die Batterie an Adresse $1').replace(/^the battery$/, 'die Batterie');

const doubts: readonly Sentence[] = [
  [/^the (\d+) cells add up to (\S+) V, and the pack says (\S+) V$/, ([count = '', sum = '', pack = '']) => `die ${count} Zellen ergeben zusammen ${number(sum)} V, der Pack meldet ${number(pack)} V`],
  [
    /^nothing of what it says has changed for (\d+) polls \((\d+) s\), though (\S+) A flow$/,
    ([polls = '', seconds = '', ampere = '']) => `seit ${polls} Abfragen (${seconds} s) ändert sich nichts, obwohl ${number(ampere)} A fließen`,
  ],
  [
    /^nothing of what it says has changed for (\d+) polls \((\d+) s\), not even its clock goes on$/,
    ([polls = '', seconds = '']) => `seit ${polls} Abfragen (${seconds} s) ändert sich nichts, auch ihre Uhr steht`,
  ],
  [
    /^the charge went from (\S+) to (\S+) Ah within (\d+) s, and the current explains (\S+) Ah of it$/,
    ([from = '', to = '', seconds = '', flowed = '']) =>
      `die Ladung sprang in ${seconds} s von ${number(from)} auf ${number(to)} Ah, der Strom erklärt davon ${number(flowed)} Ah`,
  ],
  [
    /^in (\d+) min (\S+) Ah flowed, and the charge changed by (\S+) Ah(; does the current have the wrong sign \(`invert_current`\)\?)?$/,
    ([minutes = '', flowed = '', changed = '', sign]) =>
      `in ${minutes} min flossen ${number(flowed)} Ah, die Ladung änderte sich um ${number(changed)} Ah${sign ? '; hat der Strom das falsche Vorzeichen (`invert_current`)?' : ''}`,
  ],
];

const faults: readonly Sentence[] = [
  [/^nothing that came is a frame of this battery \((\d+) bytes\)$/, ([bytes = '']) => `was kam, ist kein Telegramm dieser Batterie (${bytes} Byte)`],
  [
    /^the frame is cut off: (\d+) bytes came(?: of (\d+))?$/,
    ([have = '', want]) => `das Telegramm ist abgeschnitten: ${have}${want ? ` von ${want}` : ''} Byte kamen an`,
  ],
  [
    /^the checksum is wrong: the bytes add up to (\w+), the frame says (\w+)$/,
    ([sum = '', said = '']) => `die Prüfsumme ist falsch: gerechnet ${sum}, im Telegramm ${said}`,
  ],
  [/^a foreign frame: (.+)$/s, ([what = '']) => `ein fremdes Telegramm: ${what}`],
  [/^the battery says that it has (\d+) cells; there are 32 at most$/, ([count = '']) => `die Batterie meldet ${count} Zellen; höchstens 32 sind möglich`],
  [/^the battery says (.+) (-?\d+), which cannot be$/, ([what = '', value = '']) => `die Batterie meldet einen unmöglichen Wert: ${value} (${what})`],
  [/^the battery refuses: (.+)$/s, ([why = '']) => `die Batterie lehnt ab: ${why}`],
  [
    /^the key is wrong: the device's key begins with (\w+), this one with (\w+)$/,
    ([wanted = '', given = '']) => `der Schlüssel ist falsch: der des Geräts beginnt mit ${wanted}, dieser mit ${given}`,
  ],
  [/^the key has (\d+) bytes; it takes 16$/, ([bytes = '']) => `der Schlüssel hat ${bytes} Byte, nötig sind 16`],
  [/^no answer within (\d+) ms$/, ([ms = '']) => `keine Antwort innerhalb von ${ms} ms`],
  [/^nothing came for (\d+) s$/, ([seconds = '']) => `seit ${seconds} s kam nichts`],
];

const plain: Readonly<Record<string, string>> = {
  'the battery does not say it any more': 'die Batterie meldet es nicht mehr',
  'this battery does not say it': 'diese Batterie meldet es nicht',
};

function known(text: string): string | undefined {
  for (const [pattern, sentence] of [...doubts, ...faults]) {
    const found = pattern.exec(text);
    if (found) return sentence(found.slice(1));
  }
  return plain[text];
}

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Sentences with nothing in them. */
const alone = new RegExp(`^(${Object.keys(plain).map(literal).join('|')})$`);

const several = (names: string) => names.replace(/ and (\d+) more$/, ' und $1 weitere');

/** What a bank says of packs that are missing in it. */
const others: Readonly<Record<string, string>> = {
  '; the sum is that of the others': '; die Summe ist die der anderen',
  '; it is that of the others': '; es gilt für die anderen',
};

/** Sentences as the driver makes them, alone or behind whose battery it is. */
export const batterySaid: readonly Sentence[] = [
  [/^(.+?) does not answer: (.+?)(?: on (\S+))?$/s, ([name = '', why = '', place]) => `${who(name)} antwortet nicht: ${known(why) ?? why}${place ? ` an ${place}` : ''}`],
  [/^(.+?) is not understood: (.+?)(?: on (\S+))?$/s, ([name = '', why = '', place]) => `${who(name)} ist nicht zu verstehen: ${known(why) ?? why}${place ? ` an ${place}` : ''}`],
  [
    /^(.+?) (does|do) not answer(; the sum is that of the others|; it is that of the others)?$/s,
    ([names = '', form, rest = '']) => `${several(names)} ${form === 'do' ? 'antworten' : 'antwortet'} nicht${others[rest] ?? ''}`,
  ],
  [
    /^(.+?) (does|do) not say it(; the sum is that of the others)$/s,
    ([names = '', form, rest = '']) => `${several(names)} ${form === 'do' ? 'melden' : 'meldet'} es nicht${others[rest] ?? ''}`,
  ],
  [/^no battery that is known answers on (.+?); asked were (.+)$/s, ([place = '', asked = '']) => `an ${place} antwortet keine bekannte Batterie; gefragt wurden ${asked}`],
  [/^(\S+) does not say which battery it is(.*)$/s, ([place = '', name = '']) => `${place} sagt nicht, welche Batterie es ist${name}`],
  [/^(\S+) was not heard for (\d+) s$/, ([place = '', seconds = '']) => `${place} war ${seconds} s lang nicht zu hören`],
  [/^(\S+) waits for its turn at the adapter$/, ([place = '']) => `${place} wartet, bis es am Adapter an der Reihe ist`],
  [/^the link to (\S+) broke$/, ([place = '']) => `die Verbindung zu ${place} brach ab`],
  [/^reads (.+ on .+)$/s, ([what = '']) => `liest ${what.replaceAll(' on ', ' an ')}`],
  [/^looks for a battery on (.+)$/s, ([place = '']) => `sucht eine Batterie an ${place}`],
  ...doubts,
  ...faults,
  [
    /^(.+?): (the \d+ cells add up to .+|nothing of what it says has changed .+|the charge went from .+|in \d+ min .+)$/s,
    ([name = '', doubt = '']) => `${who(name)}: ${known(doubt) ?? doubt}`,
  ],
  [alone, ([text = '']) => known(text) ?? text],
];
