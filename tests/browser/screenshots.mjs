// Pictures of every page: phone and desk, light and dark, German and English; and one sheet to look at all of them.
// `node screenshots.mjs [--readme]`; with it only the README's pictures are taken, anew.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoHouse, pictures, root, tooWide, until } from './house.mjs';
import { fileName, places, views } from './pages.mjs';

const folder = join(pictures, 'pages');
const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1440, height: 900 } };
/** What is taken for the README, by the name of its file. */
const README = {
  'dashboard.png': { place: 'dashboards', size: 'desk', theme: 'light', language: 'en' },
  'data.png': { place: 'data?view=list', size: 'desk', theme: 'light', language: 'en' },
};
const forReadme = process.argv.includes('--readme');
/** So many values a curve has before a picture is taken of it; of most datapoints a hundred are kept. */
const CURVE = forReadme ? 100 : 60;
/** A dashboard ends where its last widget does. */
const README_HEIGHT = 690;
const isReadme = (one) => Object.values(README).some((wanted) => Object.entries(wanted).every(([key, value]) => one[key] === value));

const house = await demoHouse();
const taken = [];
try {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await until('all run', async () => (await house.ask('GET', '/api/admin/instances')).items.every(({ state }) => state === 'running'));
  // Something is wrong in every house; not where it is to please.
  if (!forReadme) await house.write('plc_001.MAIN.bAlarmActive', true);
  // One line at a time, for the curves fill in real time.
  for (let values = 0; values < CURVE; ) {
    values = await until('another value', async () => {
      const { items } = await house.ask('GET', `/api/datapoint/history?address=inverter.pv_power&limit=${CURVE}`);
      return items.length > values && items.length;
    });
  }
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const theme of ['light', 'dark']) {
      for (const language of ['en', 'de']) {
        const locale = language === 'de' ? 'de-DE' : 'en-GB';
        const shown = [...places, ...views].filter((place) => !forReadme || isReadme({ place, size, theme, language }));
        if (shown.length === 0) continue;
        const { page, context, visit, settled } = await house.open({ viewport, colorScheme: theme, locale });
        for (const place of shown) {
          await visit(place);
          await settled();
          const name = `${fileName(place)}-${size}-${theme}-${language}.png`;
          await page.screenshot({ path: join(folder, name), clip: forReadme ? { x: 0, y: 0, width: viewport.width, height: README_HEIGHT } : undefined });
          taken.push({ place, size, theme, language, name, wide: await tooWide(page) });
        }
        await context.close();
        console.log(`${size}, ${theme}, ${language}: ${shown.length} pictures`);
      }
    }
  }
  writeFileSync(join(folder, 'index.html'), sheet(taken));
  const wide = taken.filter((one) => one.wide > 0);
  for (const one of wide) console.error(`${one.name} is ${one.wide} px too wide`);
  for (const [file, wanted] of forReadme ? Object.entries(README) : []) {
    const { name } = taken.find((one) => one.place === wanted.place);
    copyFileSync(join(folder, name), join(root, 'docs/img', file));
  }
  console.log(`${taken.length} pictures; look at target/screenshots/pages/index.html`);
  if (wide.length > 0) process.exitCode = 1;
} finally {
  await house.close();
}

/** All of them in one page, a row for each place. */
function sheet(all) {
  const row = (place) => {
    const figures = all.filter((one) => one.place === place).map(
      ({ name, size, theme, language }) =>
        `<figure class="${size}"><a href="${name}"><img src="${name}" alt="" loading="lazy"></a><figcaption>${size}, ${theme}, ${language}</figcaption></figure>`,
    );
    return `<h2>${place}</h2><div>${figures.join('')}</div>`;
  };
  const style = 'body{font:14px system-ui;margin:16px;background:#888}div{display:flex;flex-wrap:wrap;gap:8px}figure{margin:0}img{display:block;height:300px}';
  return `<!doctype html><meta charset="utf-8"><title>Every page</title><style>${style}</style>${[...new Set(all.map(({ place }) => place))].map(row).join('\n')}\n`;
}
