// Where the figures that are measured in Chromium are kept: benches/WEB.md, a heading for each part.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
// What a user runs, if it was built.
process.env.FIELDRAIL_PROFILE ??= existsSync(join(root, 'target/release/fieldrail')) ? 'release' : 'debug';

/** On what it was measured. */
export const box = `${cpus().length} cores (${cpus()[0]?.model.trim()}), load ${loadavg()[0].toFixed(1)} at the beginning, ${process.env.FIELDRAIL_PROFILE} daemon, ${new Date().toISOString().slice(0, 10)}`;

export const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** Puts a part under its heading into the file, in the place of the one that was there. */
export function keep(title, text) {
  const path = join(root, 'benches/WEB.md');
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '# The web admin, measured in Chromium\n\nWritten by the scripts of `make figures`.\n';
  const [head, ...parts] = before.split(/^(?=## )/m);
  const others = parts.filter((part) => !part.startsWith(`## ${title}\n`));
  writeFileSync(path, [head.trimEnd(), ...others.map((part) => part.trimEnd()), `## ${title}\n\n${text.trimEnd()}`].join('\n\n') + '\n');
}
