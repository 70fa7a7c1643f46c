// What widgets fetch beside live datapoints. The gallery gives them something else, so that it asks nobody.
import { getContext, setContext } from 'svelte';
import { cameraUrl, type Columns, getColumns } from '../api/dashboards';
import { alarms } from '../live/alarms.svelte';
import type { AlarmPage } from '../api/types';

export interface Sources {
  /** The last values of a datapoint in so many columns, from a moment on. */
  columns: (address: string, points: number, sinceMs: number, signal: AbortSignal) => Promise<Columns>;
  /** The picture of a camera; `at` asks for a new one. */
  camera: (id: string, at?: number) => string;
  /** Undefined until they are known. */
  alarms: () => AlarmPage | undefined;
}

const KEY = Symbol('sources of widgets');
const daemon: Sources = { columns: getColumns, camera: cameraUrl, alarms: () => alarms.now };

export const setSources = (sources: Sources) => setContext(KEY, sources);
export const sources = (): Sources => getContext<Sources | undefined>(KEY) ?? daemon;
