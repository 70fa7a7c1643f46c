// Der Rechner, auf dem das Haus läuft.
import type { Texts } from '../en';

export const box: Texts['box'] = {
  title: 'Der Rechner',
  cpu: 'Prozessor',
  memory: 'Speicher',
  warmest: 'Wärmster Fühler',
  disk: (name) => (name === 'config' ? 'Frei für die Konfiguration' : 'Frei für den Zustand'),
  fills: { ok: 'gut', low: 'fast voll', full: 'voll' },
  trouble: 'Nicht auf der Platte:',
};
