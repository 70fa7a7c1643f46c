// What went wrong.

export const problem = {
  unreachable: 'Fieldrail does not answer',
  unreachableHint: 'Is the daemon running, and is this device in its network?',
  starting: 'Looking for Fieldrail …',
  forbidden: 'Your role does not allow this',
  forbiddenHint: 'An administrator can change your role.',
  tooMany: 'Too many requests',
  unexpected: 'Something went wrong',
};

export const notFound = {
  title: 'There is no such page',
  text: 'The address may be from another version, or mistyped.',
  home: 'To the start page',
};
