// The pictures, as strokes on a grid of 24 by 24. Drawn for Fieldrail.

export const icons = {
  instances: 'M2 9h20M2 15h20M5 5h4v14H5zM10 5h4v14h-4zM15 5h4v14h-4z',
  data: 'M3 12h4l3-7 4 14 3-7h4',
  routes: 'M3 6h4c6 0 4 12 10 12h4M17 14l4 4-4 4M3 18h4M14 6h7',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 21 21',
  play: 'M7 4.5v15l12-7.5z',
  stop: 'M6 6h12v12H6z',
  restart: 'M20 12a8 8 0 1 1-2.5-5.8M20 3v5h-5',
  kill: 'M8 3h8l5 5v8l-5 5H8l-5-5V8zM9 9l6 6M15 9l-6 6',
  logs: 'M4 6h16M4 11h10M4 16h14M4 21h7',
  close: 'M6 6l12 12M18 6 6 18',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 3.5-6 8-6s8 2 8 6',
  logout: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  warn: 'M12 4 2.5 20h19zM12 10v4.5M12 17.4v.1',
  cross: 'M7 7l10 10M17 7 7 17',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2',
  question: 'M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.4v.1',
  right: 'M9 6l6 6-6 6',
  arrow: 'M4 12h16M14 6l6 6-6 6',
  pencil: 'M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19z',
  plug: 'M9 3v5M15 3v5M6 8h12v4a6 6 0 0 1-12 0zM12 18v4',
  unplug: 'M9 3v5M15 3v5M6 8h12v4a6 6 0 0 1-12 0zM12 18v4M3 3l18 18',
  bell: 'M6 17v-6a6 6 0 0 1 12 0v6l2 2H4zM10 21h4',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 7.6v.1',
  down: 'M12 4v14M6 12l6 6 6-6',
} as const;

export type IconName = keyof typeof icons;
