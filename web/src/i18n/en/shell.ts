// What the frame around every page says, and words that many pages share.

export const nav = {
  home: 'Home',
  batteries: 'Batteries',
  bluetooth: 'Bluetooth',
  dashboards: 'Dashboards',
  gallery: 'Gallery',
  instances: 'Instances',
  connections: 'Connections',
  first: 'The first connection',
  data: 'Data',
  routes: 'Routes',
  alarms: 'Alarms',
  logs: 'Logs',
  system: 'System',
  panic: 'Panic',
  label: 'Pages',
  skip: 'Skip to content',
};

export const link = {
  connecting: 'connecting …',
  live: 'live',
  lost: 'connection lost',
  retryIn: (seconds: number) => `trying again in ${seconds} s`,
  retryNow: 'Try again now',
};

export const menu = {
  open: 'Menu: appearance, language, account',
  theme: 'Appearance',
  themes: { system: 'System', light: 'Light', dark: 'Dark' },
  language: 'Language',
  signedInAs: 'Logged in as',
  roles: { viewer: 'Viewer', operator: 'Operator', admin: 'Administrator' },
  logout: 'Log out',
};

export const actions = {
  cancel: 'Cancel',
  close: 'Close',
  dismiss: 'Dismiss',
  tryAgain: 'Try again',
  more: 'Show more',
  copy: 'Copy address',
  copied: 'Copied',
};

export const notices = 'Notices';

export const units = { s: 's', min: 'min', h: 'h', d: 'd' };
