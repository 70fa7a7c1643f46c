// What a file said before, page by page, and what restoring a version would change.
import { asProblem, type Problem } from '../../api/http';
import { getVersion, getVersions, type Version } from '../../api/system';
import { diff, type Diff } from '../../ui/diff';

export class Versions {
  /** Newest first; undefined until the first answer. */
  all = $state.raw<Version[]>();
  next = $state.raw<string>();
  problem = $state.raw<Problem>();
  /** The version that is looked at. */
  picked = $state.raw<Version>();
  /** What it would change; undefined until that is known, null if it is too much. */
  change = $state.raw<Diff | null>();
  masked = $state.raw(false);

  constructor(readonly file: string) {}

  async load(before?: string): Promise<void> {
    try {
      const { items, next } = await getVersions(this.file, before);
      this.all = before === undefined ? items : [...(this.all ?? []), ...items];
      this.next = next === undefined ? undefined : String(next);
      this.problem = undefined;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }

  /** Compares a version with the one in force. */
  async pick(version: Version | undefined, etag: string): Promise<void> {
    this.picked = version;
    this.change = undefined;
    this.problem = undefined;
    if (!version) return;
    try {
      const present = this.all?.find((one) => one.etag === etag);
      const [before, after] = await Promise.all([
        present ? getVersion(this.file, present.id) : undefined,
        getVersion(this.file, version.id),
      ]);
      if (this.picked !== version) return;
      this.masked = after.text.includes('"********"');
      this.change = diff(before?.text ?? '', after.text) ?? null;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }
}
