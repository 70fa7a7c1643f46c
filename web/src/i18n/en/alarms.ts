// The page of alarms, and the bell.

export const alarms = {
  title: 'Alarms',
  bell: (active: number, waiting: number) =>
    active + waiting === 0 ? 'No alarms' : `Alarms: ${active} active, ${waiting} not acknowledged`,
  none: 'No alarms',
  noneHelp: 'Nothing is active, and everything has been acknowledged. A datapoint becomes an alarm by "role": "alarm" in datapoints.json.',
  states: {
    active: 'active, not acknowledged',
    acknowledged: 'active, acknowledged',
    cleared: 'over, not acknowledged',
    normal: 'normal',
  },
  severities: { info: 'information', warning: 'warning', critical: 'critical' },
  flaps: 'comes and goes; held until it is quiet for a minute',
  sourceLost: 'its source cannot be asked',
  activated: 'since',
  cleared: 'over since',
  acknowledge: 'Acknowledge',
  acknowledgeOf: (name: string) => `Acknowledge ${name}`,
  acknowledgeAll: (count: number) => (count === 1 ? 'Acknowledge' : `Acknowledge all ${count}`),
  acknowledgedBy: (by: string, at: string) => `acknowledged by ${by}, ${at}`,
  comment: 'Comment',
  moreThanShown: 'There are more than are shown here.',
  events: 'What has happened',
  noEvents: 'No alarm has come yet.',
  happened: { activated: 'came', cleared: 'went', acknowledged: 'acknowledged' },
};
