// The tree as the rows one sees, top to bottom.

/** What a row needs to know of a branch. */
export interface Foldable<B> {
  readonly children: B[] | undefined;
  readonly loading: boolean;
  readonly problem: unknown;
  readonly next: string | number | undefined;
  readonly isOpen: boolean;
}

export type Row<B> =
  | { kind: 'branch'; branch: B; position: number; of: number }
  /** What stands below an unfolded branch instead of, or after, its children. */
  | { kind: 'loading' | 'empty' | 'problem' | 'more'; branch: B };

/** All rows that are unfolded. */
export function treeRows<B extends Foldable<B>>(branches: readonly B[]): Row<B>[] {
  const rows: Row<B>[] = [];
  branches.forEach((branch, index) => {
    rows.push({ kind: 'branch', branch, position: index + 1, of: branches.length });
    if (branch.isOpen) rows.push(...treeRows(branch.children ?? []), ...below(branch));
  });
  return rows;
}

function below<B extends Foldable<B>>(branch: B): Row<B>[] {
  if (branch.problem) return [{ kind: 'problem', branch }];
  if (branch.loading) return [{ kind: 'loading', branch }];
  if (branch.next !== undefined) return [{ kind: 'more', branch }];
  return branch.children?.length === 0 ? [{ kind: 'empty', branch }] : [];
}
