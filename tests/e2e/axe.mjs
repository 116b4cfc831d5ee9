// What axe-core finds on a page, narrow and wide, light and dark.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const NARROW = { width: 360, height: 740 };
export const WIDE = { width: 1280, height: 800 };
/** The narrowest window in which lists are tables: the style sheet's 60rem end below it. */
export const NARROWEST_TABLES = { width: 961, height: 800 };

/** How much the page is wider than the window, if it is. */
export async function overflow(page, name) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  return wide > 0 ? [`${name} (${page.viewportSize().width} px): ${wide} px wider than the window`] : [];
}

/** What axe finds on the page as it is now, and whether it is wider than the window. */
export async function findings(page, name) {
  // Under the pages' own policy a script element would not run; this is the debugger's way.
  const found = await page.evaluate(`${AXE}; axe.run(document, { resultTypes: ['violations'] })
    .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 160)).join(' | ')))`);
  const told = found.map((finding) => `${name} (${page.viewportSize().width} px): ${finding}`);
  return [...told, ...(await overflow(page, name))];
}

/** The same in light and dark, narrow and wide. */
export async function everyWay(page, name) {
  const all = [];
  for (const viewport of [NARROW, WIDE]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      // Without transitions: colours half-way from light to dark are in no theme.
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      all.push(...(await findings(page, `${name}, ${colorScheme}`)));
    }
  }
  return all;
}
