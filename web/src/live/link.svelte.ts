// The one WebSocket to the daemon. It comes back by itself; what is said over it is not its business.
import type { ClientMessage, ServerMessage } from '../api/types';
import { backoffMs } from './backoff';

/** After so long without a frame the daemon is asked whether it is still there: a dead line closes no socket. */
export const SILENCE_MS = 15_000;
/** Who comes back after so long without a frame begins anew: a phone that slept may have lost its line unnoticed. */
export const SLEEP_MS = 5_000;

export type LinkState = 'off' | 'connecting' | 'live' | 'lost';

/** What the link needs of a WebSocket. */
export type Socket = Pick<WebSocket, 'send' | 'close' | 'onopen' | 'onclose' | 'onmessage'>;

export interface Wiring {
  open: () => Socket;
  /** Asks the daemon over another way: `there`, `gone`, or `refused` when the session has ended. */
  probe: () => Promise<'there' | 'gone' | 'refused'>;
  /** Whether the daemon, if the line is whole, has something to say all the time. */
  expects: () => boolean;
  connected: () => void;
  lost: () => void;
  receive: (message: ServerMessage) => void;
  now: () => number;
  random: () => number;
}

export class Link {
  state = $state.raw<LinkState>('off');
  /** When the next try begins, by the clock of `Wiring.now`; while `lost`. */
  retryAtMs = $state.raw(0);
  #socket: Socket | undefined;
  #attempt = 0;
  #heardMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly wiring: Wiring) {}

  start(): void {
    if (this.state !== 'off') return;
    this.state = 'connecting';
    this.#connect();
  }

  stop(): void {
    this.state = 'off';
    this.#attempt = 0;
    this.#discard();
    this.wiring.lost();
  }

  /** Tries at once: the network is back, or somebody is impatient. */
  retry(): void {
    if (this.state === 'lost') this.#connect();
  }

  /** Somebody looks again, perhaps after the phone slept: a line that was silent meanwhile is not trusted. */
  wake(): void {
    if (this.state === 'lost') this.#connect();
    else if (this.state === 'live' && this.wiring.expects() && this.wiring.now() - this.#heardMs > SLEEP_MS) {
      this.state = 'connecting';
      this.wiring.lost();
      this.#connect();
    }
  }

  send(message: ClientMessage): void {
    if (this.state === 'live') this.#socket?.send(JSON.stringify(message));
  }

  #connect(): void {
    this.#discard();
    const socket = this.wiring.open();
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onclose = () => this.#closed();
    socket.onmessage = (event) => this.#received(event.data);
    // A peer that accepts and says nothing would else hold the page for minutes.
    this.#timer = setTimeout(() => this.#closed(), SILENCE_MS);
  }

  #opened(): void {
    this.state = 'live';
    this.#attempt = 0;
    this.#watch();
    this.wiring.connected();
  }

  #received(data: unknown): void {
    this.#watch();
    if (typeof data === 'string') this.wiring.receive(JSON.parse(data) as ServerMessage);
  }

  #watch(): void {
    this.#heardMs = this.wiring.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#suspect(), SILENCE_MS);
  }

  async #suspect(): Promise<void> {
    const [socket, heardMs] = [this.#socket, this.#heardMs];
    const answer = await this.wiring.probe();
    if (socket !== this.#socket || heardMs !== this.#heardMs) return;
    // It answers another way, and would say something here: then this line is dead.
    if (answer === 'there' && !this.wiring.expects()) this.#watch();
    else this.#closed();
  }

  #closed(): void {
    this.#discard();
    const wait = backoffMs(this.#attempt, this.wiring.random());
    this.#attempt += 1;
    this.retryAtMs = this.wiring.now() + wait;
    this.state = 'lost';
    this.#timer = setTimeout(() => void this.#return(), wait);
    this.wiring.lost();
  }

  /** A refused WebSocket does not say why, so the session is asked about first; without one there is nothing to try. */
  async #return(): Promise<void> {
    const answer = this.#attempt > 1 ? await this.wiring.probe() : 'there';
    if (this.state !== 'lost' || this.#socket) return;
    if (answer === 'there') this.#connect();
    else if (answer === 'gone') this.#closed();
  }

  #discard(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  }
}
