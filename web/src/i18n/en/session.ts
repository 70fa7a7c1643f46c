// The first account, and logging in.

export const setup = {
  title: 'Set up Fieldrail',
  intro: 'Nobody has an account here yet. You make the first one; it administers everything.',
  code: 'One-time code',
  codeHelp: 'The daemon prints this code when it starts: in the terminal that runs it, or in its log.',
  codeCommand: 'journalctl -u fieldrail | grep code',
  name: 'Your name',
  password: 'Password',
  repeat: 'Password again',
  mismatch: 'The two passwords differ.',
  submit: 'Create account',
};

export const login = {
  title: 'Log in',
  name: 'Name',
  password: 'Password',
  submit: 'Log in',
  expired: 'Your session has ended. Please log in again.',
  wrong: 'Name or password is not right.',
  linkUsed: 'This login link has been used already or has run out. Log in with your name and password.',
  wait: (seconds: number) => `Too many attempts. Please wait ${seconds} s.`,
  waitSome: 'Too many attempts. Please wait a moment.',
};
