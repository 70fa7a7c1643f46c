// The panic button, its dialog and the banner.

export const panic = {
  short: 'Panic',
  button: 'Panic: everything off',
  title: 'Panic',
  text: 'When the time is up, running pulses end, safe values are written, and nothing is written any more. Then all connections are cut.',
  escape: 'Escape cancels.',
  now: 'Now',
  failed: 'The panic did not get through!',
  latched: 'The house is in panic: nothing is written',
  latchedText: (by: string, since: string, reached: number) =>
    `By ${by}, ${since}. Safe values written: ${reached}.`,
  cut: 'All connections are cut, routes stand still.',
  rearming: 'The house is being re-armed: routes stand still',
  rearmingText: 'What is re-armed runs and can be written to by hand.',
  fault: (fault: string) => `The latch is not on the disk as it should be: ${fault}`,
  missed: 'Did not reach its device; look there:',
  router: 'Routes, and what waits on disk',
  rearm: 'Re-arm',
  rearmOf: (name: string) => `Re-arm: ${name}`,
  done: 'is armed again',
  writesNothing: 'connects; writes nothing by itself',
  writesEnds: (list: string) => `connects and writes ${list}`,
  writesRouter: (routes: number, waiting: number) => `${routes} routes write again; ${waiting} values that wait on disk leave`,
  onlyAdmin: 'An administrator re-arms it.',
};
