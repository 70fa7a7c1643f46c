// What the start page knows beside what every page knows.
import { getSummary, type Summary } from '../../api/summary';
import { Looking } from '../../live/looking.svelte';

const LOOK_MS = 5_000;

export class SummaryWatch extends Looking<Summary> {
  constructor() {
    super(getSummary, LOOK_MS);
  }
}
