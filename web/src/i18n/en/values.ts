// Datapoints: lists, the tree, one of them, writing, and how good a value is.

export const data = {
  title: 'Data',
  view: 'View',
  views: { list: 'List', tree: 'Tree' },
  search: 'Search name or address',
  instance: 'Instance',
  allInstances: 'All instances',
  count: (shown: string, total: string) => `${shown} of ${total}`,
  datapoint: 'Datapoint',
  value: 'Value',
  quality: 'Quality',
  age: 'Age',
  empty: 'No datapoints yet',
  emptyHelp: 'Datapoints appear as soon as an instance reads something.',
  emptyLink: 'Look at the instances',
  nothingFound: 'Nothing found',
  nothingFoundHelp: (search: string) => `No datapoint has “${search}” in its name or address.`,
  nothingHere: 'This instance has no datapoints yet.',
  clear: 'Clear the search',
  now: 'now',
  unknownAge: 'age unknown: the connection is lost',
};

export const tree = {
  own: { calc: 'Computed (calc)', system: 'The house itself (system)' },
  label: 'Datapoints by instance',
  keys: 'Arrow keys move and unfold, Enter opens a datapoint.',
  loading: 'Loading …',
  empty: 'Nothing in here',
  more: 'Show more',
  noInstances: 'There is no instance to browse yet.',
};

export const point = {
  loading: 'Loading …',
  address: 'Address',
  name: 'Name',
  instance: 'Instance',
  tag: 'Tag',
  type: 'Type',
  unit: 'Unit',
  quality: 'Quality',
  note: 'Note',
  sourceTime: 'Source time',
  receiveTime: 'Received',
  access: 'Access',
  writable: 'readable and writable',
  readOnly: 'read only',
  raw: 'Value as JSON',
  bytes: (n: number) => (n === 1 ? '1 byte' : `${n} bytes`),
};

export const write = {
  title: 'Write',
  value: 'New value',
  as: 'As',
  kinds: { bool: 'Bool', int: 'Integer', float: 'Number', text: 'Text', json: 'JSON', bytes: 'Bytes (hex)' },
  submit: 'Write',
  pending: 'Written, waiting for the device …',
  confirmed: 'Confirmed by the device.',
  rejected: 'Rejected',
  expired: 'Expired before it reached the device.',
  superseded: 'Replaced by a newer write.',
  stillPending: 'Sent. The device has not confirmed it yet.',
  misfit: {
    empty: 'Please enter a value.',
    int: 'This is no whole number.',
    range: 'This number is beyond 64 bits.',
    float: 'This is no number.',
    json: 'This is no JSON.',
    bytes: 'Please enter pairs of hexadecimal digits.',
  },
};

export const quality = { good: 'good', uncertain: 'uncertain', bad: 'bad', unknown: 'unknown' };

export const reasons = {
  write_pending: 'write pending',
  backfill: 'arrived late',
  last_usable: 'last usable value',
  substitute: 'substitute',
  initial: 'initial value',
  implausible: 'implausible',
  not_connected: 'not connected',
  stale: 'stale',
  device_failure: 'device failure',
  config_error: 'wrong configuration',
  out_of_range: 'out of range',
  type_mismatch: 'wrong type',
  not_found: 'not found',
  calculation_error: 'calculation error',
  loop_detected: 'loop',
  no_data: 'no data yet',
} as Record<string, string>;
