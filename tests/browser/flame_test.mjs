// Flame graphs in Chromium: hover, zoom, search, reset, state in the address, hostile names. run.sh sets the environment.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const { chromium } = createRequire(join(process.env.BROWSER, 'package.json'))('playwright-core');
const folder = mkdtempSync(join(tmpdir(), 'minnow-flame-'));
const magenta = 'rgb(230,0,230)';
const sample = 'a;b;c 3\na;b 2\na;d 5\n';
let browser;

before(async () => {
  const args = ['--no-sandbox', '--disable-gpu'];  // in containers
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args });
});
after(async () => { if (browser) await browser.close(); });

function draw(name, stacks, ...flags) {
  const from = join(folder, `${name}.folded`), to = join(folder, `${name}.svg`);
  writeFileSync(from, stacks);
  execFileSync(process.env.MINNOW, ['flame', from, '-o', to, ...flags]);
  return pathToFileURL(to).href;
}

// Opens a picture from its file, without a network. Prompts get the next of `answers`; any other dialog, script error or
// request to somewhere else is kept in `trouble`.
async function open(url, answers = []) {
  const page = await browser.newPage();
  const trouble = [];
  page.on('dialog', dialog => {
    if (dialog.type() !== 'prompt') trouble.push(`${dialog.type()}: ${dialog.message()}`);
    const answer = answers.shift();
    return answer === undefined ? dialog.dismiss() : dialog.accept(answer);
  });
  page.on('pageerror', error => trouble.push(String(error)));
  page.on('request', request => { if (!request.url().startsWith('file:')) trouble.push(request.url()); });
  await page.goto(url);
  return { page, trouble };
}

// What one sees of each frame, by name.
const frames = page => page.evaluate(() => Object.fromEntries(Array.from(document.querySelectorAll('#frames > g'), g => {
  const rect = g.querySelector('rect'), title = g.querySelector('title').textContent;
  return [title.slice(0, title.lastIndexOf(' (')), {
    x: Number(rect.getAttribute('x')), width: Number(rect.getAttribute('width')), fill: rect.getAttribute('fill'),
    hidden: g.style.display === 'none', opacity: g.style.opacity, label: g.querySelector('text').textContent,
  }];
})));
const text = (page, id) => page.evaluate(id => document.getElementById(id).textContent.trim(), id);
const visible = (page, id) => page.evaluate(id => getComputedStyle(document.getElementById(id)).display !== 'none', id);
const frame = (page, name) => page.locator('#frames > g').filter({ hasText: new RegExp(`^${name} \\(`) }).locator('rect');

test('hover tells what a frame counts', async () => {
  const { page, trouble } = await open(draw('hover', sample));
  await frame(page, 'd').hover();
  assert.equal(await text(page, 'details'), 'd (5 samples, 50.00%)');
  await page.mouse.move(1, 1);
  assert.equal(await text(page, 'details'), '');
  assert.deepEqual(trouble, []);
});

test('a click zooms, and the reset brings everything back', async () => {
  const { page, trouble } = await open(draw('zoom', sample));
  const start = await frames(page);
  assert.equal(await visible(page, 'unzoom'), false);
  await frame(page, 'b').click();
  const zoomed = await frames(page);
  assert.equal(zoomed.b.x, 10);
  assert.equal(zoomed.b.width, 1180);
  assert.equal(zoomed.c.x, 10 + 1180 * 2 / 5);
  assert.equal(zoomed.c.width, 1180 * 3 / 5);
  assert.equal(zoomed.d.hidden, true);
  for (const name of ['all', 'a']) assert.equal(zoomed[name].opacity, '0.5', name);
  assert.equal(await visible(page, 'unzoom'), true);
  await frame(page, 'a').click();  // an ancestor
  assert.equal((await frames(page)).d.hidden, false);
  await frame(page, 'c').click();
  await page.locator('#unzoom').click();
  assert.deepEqual(await frames(page), start);
  assert.equal(await visible(page, 'unzoom'), false);
  assert.deepEqual(trouble, []);
});

test('search marks what matches and counts it once', async () => {
  const { page, trouble } = await open(draw('search', sample), ['^[bc]$', 'D', '(', '']);
  await page.keyboard.press('Control+f');
  let seen = await frames(page);
  assert.equal(seen.b.fill, magenta);
  assert.equal(seen.c.fill, magenta);
  assert.notEqual(seen.d.fill, magenta);
  assert.equal(await text(page, 'matched'), 'Matched: 50.0%');  // c is part of b
  assert.equal(await text(page, 'search'), 'Reset Search');
  await page.locator('#search').click();
  seen = await frames(page);
  assert.notEqual(seen.b.fill, magenta);
  assert.equal(await text(page, 'matched'), '');
  await page.keyboard.press('F3');  // "D": no frame has it
  assert.equal(await text(page, 'matched'), 'Matched: 0.0%');
  await page.locator('#ignorecase').click();
  assert.equal(await text(page, 'matched'), 'Matched: 50.0%');
  assert.equal((await frames(page)).d.fill, magenta);
  await page.keyboard.press('Control+f');  // "(": no regular expression
  assert.equal(await text(page, 'details'), 'Not a regular expression: (');
  await page.keyboard.press('Escape');
  assert.equal(await text(page, 'matched'), '');
  assert.deepEqual(trouble, []);
});

test('zoom and search stand in the address and come back from it', async () => {
  const { page, trouble } = await open(draw('state', sample), ['^c$']);
  await frame(page, 'b').click();
  await page.keyboard.press('Control+f');
  const address = page.url();
  assert.match(address, /#zoom=\d+&search=%5Ec%24$/);
  const seen = await frames(page);
  const second = await open(address);
  assert.deepEqual(await frames(second.page), seen);
  assert.equal(await text(second.page, 'matched'), 'Matched: 30.0%');
  await second.page.locator('#unzoom').click();
  await second.page.locator('#search').click();
  assert.match(second.page.url(), /state\.svg#?$/);
  assert.deepEqual([...trouble, ...second.trouble], []);
});

test('a hostile address changes nothing and runs nothing', async () => {
  const url = draw('address', sample);
  const start = await frames((await open(url)).page);
  for (const hash of ['zoom=99999999', 'zoom=-1', 'zoom=NaN', 'zoom=1e999', 'zoom=0.5', 'search=(', 'zoom=__proto__',
                      'search=%3Cscript%3Ealert(1)%3C/script%3E', '%']) {
    const { page, trouble } = await open(`${url}#${hash}`);
    assert.deepEqual(await frames(page), start, hash);
    assert.deepEqual(trouble, [], hash);
  }
});

test('hostile names are text', async () => {
  const names = ['</title><script>alert(1)</script>', '"/><image href="x" onerror="alert(2)"/>', ']]><script>alert(3)</script>',
                 "'-alert(4)-'", '<foreignObject><iframe src="javascript:alert(5)"/></foreignObject>', '&lt&#60',
                 'javascript:alert(6)', '${alert(7)}', '__proto__', 'a (b', '(c) d'];
  const url = draw('hostile', names.map((name, i) => `${name};inner ${i + 1}\n`).join(''), '--title', '<script>alert(8)</script>',
                   '--subtitle', '"><script>alert(9)</script>', '--unit', '<script>alert(10)</script>');
  const { page, trouble } = await open(url, ['script']);
  const titles = await page.evaluate(() => Array.from(document.querySelectorAll('#frames > g > title'), t => t.textContent));
  for (const name of names) assert.ok(titles.some(title => title.startsWith(`${name} (`)), name);
  assert.equal(await page.evaluate(() => document.querySelectorAll('script').length), 1);
  assert.equal(await page.evaluate(() => document.querySelectorAll('image, iframe, foreignObject, a').length), 0);
  const boxes = page.locator('#frames > g > rect');
  for (let i = 0; i < await boxes.count(); ++i) await boxes.nth(i).hover();
  await boxes.nth(1).click();
  await page.keyboard.press('Control+f');
  await page.waitForTimeout(100);
  assert.deepEqual(trouble, []);
});

test('an icicle behaves alike, and labels fit their frames', async () => {
  const long = 'a_rather_long_name_of_a_function_that_does_not_fit';
  const { page, trouble } = await open(draw('icicle', `main;${long} 1\nmain;other 29\n`, '--icicle', '--width', '600'));
  assert.equal((await frames(page))[long].label, '');
  await frame(page, long).click();
  assert.equal((await frames(page))[long].label, long);
  assert.deepEqual(trouble, []);
});

test('ten thousand frames open and zoom', async () => {
  let stacks = '';
  for (let i = 0; i < 100; ++i) for (let j = 0; j < 100; ++j) stacks += `f${i};g${j} ${1 + (i + j) % 3}\n`;
  const url = draw('large', stacks, '--min-width', '0');
  const { page, trouble } = await open(url);
  const milliseconds = await page.evaluate(() => {
    const start = performance.now();
    document.querySelectorAll('#frames > g')[1].dispatchEvent(new MouseEvent('click', { bubbles: true }));
    return performance.now() - start;
  });
  assert.equal((await frames(page)).f0.width, 1180);
  assert.ok(milliseconds < 5000, `${milliseconds} ms`);  // some 50 ms where nothing else runs
  assert.deepEqual(trouble, []);
});
