// One widget whose settings are being changed. Nothing that is typed is lost by an error or by somebody who was faster.
import { addWidget, getWidget, putWidget, type Size, type Widget, type WidgetEntry } from '../../api/dashboards';
import { asProblem, type Problem } from '../../api/http';
import { type Keyed, race, same } from '../../ui/race';
import { widgetOf } from './body';

/** The screen size at which another widget stands where this one was to. */
const takenAt = ({ status, at }: Problem): Size | undefined =>
  status === 422 ? (/^layout\.(phone|tablet|wall)$/.exec(at.key ?? '')?.[1] as Size | undefined) : undefined;

/** Sends it; a place that another one has taken is given up, since there is room elsewhere. */
async function placing<T>(body: Widget, send: (body: Widget) => Promise<T>): Promise<T> {
  try {
    return await send(body);
  } catch (cause) {
    const size = takenAt(asProblem(cause));
    if (!size || !body.layout?.[size]) throw cause;
    const { [size]: _, ...layout } = body.layout;
    return placing({ ...body, layout }, send);
  }
}

/** Without places that nobody has filled. */
function whole(body: Widget): Widget {
  const filled = Object.entries(body.bindings ?? {}).filter(([, { address }]) => address !== '');
  return { ...body, bindings: Object.fromEntries(filled) };
}

export class WidgetDraft {
  /** As it was read, and as it is now. */
  base = $state.raw<Widget>({} as Widget);
  body = $state.raw<Widget>({} as Widget);
  saving = $state.raw(false);
  problem = $state.raw<Problem>();
  /** Somebody else's version; `theirs` undefined where they removed it. */
  clash = $state.raw<{ theirs: WidgetEntry | undefined }>();
  #etag: string;

  constructor(readonly entry: WidgetEntry) {
    const widget = widgetOf(entry);
    [this.base, this.body] = [widget, widget];
    this.#etag = entry.etag;
  }

  get dirty(): boolean {
    return !same(this.body, this.base);
  }

  change(next: Partial<Widget>): void {
    this.body = { ...this.body, ...next };
    this.problem = undefined;
  }

  discard(): void {
    this.body = this.base;
    [this.problem, this.clash] = [undefined, undefined];
  }

  /** What somebody else saved, where nothing is changed here; where they moved it only, that is taken too. */
  follow(entry: WidgetEntry): void {
    if (entry.etag === this.#etag || this.saving || this.clash) return;
    const widget = widgetOf(entry);
    const { layout: _, group: _group, ...rest } = widget;
    const { layout: _old, group: _oldGroup, ...before } = this.base;
    if (this.dirty && !same(rest, before)) return;
    const { layout, group, ...mine } = this.body;
    void [layout, group];
    this.body = this.dirty ? { ...mine, ...(widget.layout && { layout: widget.layout }), ...(widget.group && { group: widget.group }) } : widget;
    this.base = widget;
    this.#etag = entry.etag;
  }

  /** Saves it; the entry as the daemon has it then, or nothing. */
  async save(): Promise<WidgetEntry | undefined> {
    [this.saving, this.problem] = [true, undefined];
    const sent = this.body;
    try {
      const saved = await placing(whole(sent), (body) => putWidget(body, this.#etag));
      this.#take(saved, sent);
      return saved;
    } catch (cause) {
      const problem = asProblem(cause);
      if (problem.status === 412 || problem.status === 404) await this.#meet(problem);
      else this.problem = problem;
      return undefined;
    } finally {
      this.saving = false;
    }
  }

  /** What was typed since it was sent stays. */
  #take(saved: WidgetEntry, sent: Widget): void {
    const widget = widgetOf(saved);
    const now = this.body;
    const joined = now === sent ? widget : race<Keyed>({ ...sent }, { ...now }, { ...widget }).joined;
    [this.base, this.body, this.clash] = [widget, (joined ?? now) as Widget, undefined];
    this.#etag = saved.etag;
  }

  async #meet(problem: Problem): Promise<void> {
    try {
      this.clash = { theirs: await getWidget(this.body.id) };
    } catch (cause) {
      if (asProblem(cause).status === 404) this.clash = { theirs: undefined };
      else this.problem = problem;
    }
  }

  /** Goes on with this version, knowing of theirs. */
  async settle(body: Widget): Promise<WidgetEntry | undefined> {
    const theirs = this.clash?.theirs;
    this.clash = undefined;
    this.body = body;
    if (!theirs) return this.#addAgain();
    this.base = widgetOf(theirs);
    this.#etag = theirs.etag;
    return this.dirty ? this.save() : theirs;
  }

  async #addAgain(): Promise<WidgetEntry | undefined> {
    this.saving = true;
    const sent = this.body;
    try {
      const saved = await placing(whole(sent), addWidget);
      this.#take(saved, sent);
      return saved;
    } catch (cause) {
      this.problem = asProblem(cause);
      return undefined;
    } finally {
      this.saving = false;
    }
  }
}
