// The machine that the house runs on.

export const box = {
  title: 'The box',
  cpu: 'Processor',
  memory: 'Memory',
  warmest: 'Warmest sensor',
  disk: (name: string): string => (name === 'config' ? 'Free for the configuration' : 'Free for the state'),
  fills: { ok: 'fine', low: 'nearly full', full: 'full' },
  trouble: 'Not on disk:',
};
