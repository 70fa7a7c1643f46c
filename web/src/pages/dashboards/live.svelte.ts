// A widget that is on the screen: its datapoints as they are now, those that are gone, and what somebody does with it.
import { type Binding, getNear, operate, type WidgetEntry } from '../../api/dashboards';
import { getPoint } from '../../api/endpoints';
import type { Value, WriteAnswer } from '../../api/types';
import { points as store } from '../../live/live';
import type { Point } from '../../live/point.svelte';
import { Act } from '../../widgets/act.svelte';
import type { Gone } from '../../widgets/truth';

/** So long a datapoint may take to say something before the daemon is asked whether there is one. */
const PATIENCE_MS = 700;
/** How long the daemon may wait for the end of a write: longer than a write is good for, on a busy machine too. */
const WAIT_MS = 8_000;

/** Asks a person before something is sent: for a code, or whether they mean it. Undefined when they do not. */
export type Ask = (widget: WidgetEntry) => Promise<{ pin?: string } | undefined>;

/** Questions to the daemon about what is gone go one after the other: there may be hundreds. */
let line: Promise<void> = Promise.resolve();

export class LiveWidget {
  entry = $state.raw<WidgetEntry>(undefined as unknown as WidgetEntry);
  points = $state.raw<Record<string, Point>>({});
  /** Bindings that never had a value. */
  gone = $state.raw<ReadonlyMap<string, Gone>>(new Map());
  near = $state.raw<ReadonlyMap<string, readonly string[]>>(new Map());
  readonly act: Act;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  /** The addresses as they are written; the data space may spell them in another way. */
  #asked: Record<string, string> = {};

  constructor(entry: WidgetEntry, ask: Ask, say: (near: readonly string[]) => string) {
    this.act = new Act(
      (binding, value) => this.#send(binding, value, ask),
      () => this.entry.may_operate,
    );
    this.#say = say;
    this.take(entry);
  }

  readonly #say: (near: readonly string[]) => string;

  /** Its entry as it is now; what is bound as before stays as it is. */
  take(entry: WidgetEntry): void {
    const before = this.points;
    const bindings = entry.bindings ?? {};
    const points: Record<string, Point> = {};
    const asked: Record<string, string> = {};
    // Held anew before the old ones are let go, so that nothing is asked for twice.
    for (const [name, { address }] of Object.entries(bindings)) {
      if (address === '') continue;
      asked[name] = address;
      points[name] = (this.#asked[name] === address && before[name]) || store.hold(address);
    }
    this.#asked = asked;
    for (const [name, point] of Object.entries(before)) if (points[name] !== point) store.release(point.address);
    [this.entry, this.points] = [entry, points];
    const isSame = (name: string) => points[name] !== undefined && points[name] === before[name];
    this.gone = new Map([...this.gone].filter(([name]) => isSame(name)));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), PATIENCE_MS);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.act.dismiss();
    for (const { address } of Object.values(this.points)) store.release(address);
    this.points = {};
  }

  async #send(binding: string, value: Value, ask: Ask): Promise<WriteAnswer | undefined> {
    const agreed = await ask(this.entry);
    return agreed && operate(this.entry.id, { binding, value, ...agreed, wait_ms: WAIT_MS });
  }

  /** Of what has never had a value the daemon knows whether it exists, and how it is spelled. */
  #look(): void {
    for (const [name, point] of Object.entries(this.points)) {
      if (isSilent(point)) line = line.then(() => this.#find(name, point));
    }
  }

  async #find(name: string, point: Point): Promise<void> {
    const isOver = () => this.#ended || this.points[name] !== point || !isSilent(point);
    if (isOver()) return;
    try {
      const { instance, known, near } = await getNear(point.address);
      const info = instance && known ? await getPoint(point.address) : undefined;
      if (isOver()) return;
      if (info && info.address !== point.address) {
        this.points = { ...this.points, [name]: store.hold(info.address, info) };
        store.release(point.address);
      }
      if (info && info.receive_ms > 0) return;
      this.gone = new Map([...this.gone, [name, { missing: !info, hint: this.#say(near) }]]);
      this.near = new Map([...this.near, [name, near]]);
    } catch {
      // Who does not answer says nothing of it.
    }
  }
}

/** What a datapoint without a value says of itself where it is not only its device that is away. */
const SILENT = ['no_data', 'config_error'];
const isSilent = ({ receiveMs, known, reason }: Point) => receiveMs === 0 && (!known || SILENT.includes(reason));

export type Bindings = Readonly<Record<string, Binding>>;
