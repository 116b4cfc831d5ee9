// What administrators ask, prove and undo, as they do it, each time with scripts and without.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { everyWay, findings } from './axe.mjs';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 180_000;

/** With scripts and without; `name` keeps the rows of both apart. */
const WAYS = [
  { way: 'with scripts', name: 'on', javaScriptEnabled: true },
  { way: 'without scripts', name: 'off', javaScriptEnabled: false },
];

let door;

before(async () => { door = await openFrontDoor(); }, { timeout: LIMIT_MS });
after(async () => { await door?.close(); });

/** One request of an automation, in this page. */
async function api(page, method, path, body) {
  const answer = await page.evaluate(async ({ address, ...request }) => {
    const sent = await fetch(address, {
      method: request.method,
      headers: { 'Content-Type': 'application/json', 'X-Red5-Bridge': '1' },
      body: request.body && JSON.stringify(request.body),
    });
    return { status: sent.status, text: await sent.text() };
  }, { address: `${door.url}/api/admin${path}`, method, body });
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.text.slice(0, 500)}`);
  return answer.text && JSON.parse(answer.text);
}

const grant = (group, role, transport, room) => ({ group, match: 'exact', roles: [role], transports: [transport], rooms: [room] });
const watch = (group, room) => grant(group, 'red5-subscriber', 'WHEP', room);
const publish = (group, room) => grant(group, 'red5-publisher', 'WHIP', room);

/** Ada, with the table of these mappings and no tests. */
async function withTable(mappings, options) {
  const root = await door.signIn('ada');
  const { items } = await api(root, 'GET', '/mappings?limit=500');
  const { items: tests } = await api(root, 'GET', '/tests');
  const row = ({ id, version }) => ({ id, version });
  const changes = [
    ...tests.map((test) => ({ op: 'delete_test', ...row(test) })),
    ...items.map((mapping) => ({ op: 'delete', ...row(mapping) })),
    ...mappings.map((mapping) => ({ op: 'create', mapping })),
  ];
  await api(root, 'POST', '/mappings/changes', { changes });
  const ada = await door.signIn('ada', options);
  /** Without scripts the page cannot ask for itself. */
  ada.table = async () => (await api(root, 'GET', '/mappings?limit=500')).items;
  return ada;
}

/** Goes to a page of the administration by its name in the bar. */
async function goTo(page, name) {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** Nothing is wrong with this page, also at 320 px and at 200 % of a common screen. */
async function assertAccessible(page, name) {
  const before = page.viewportSize();
  const found = await everyWay(page, name);
  for (const viewport of [{ width: 320, height: 640 }, { width: 640, height: 360 }]) {
    await page.setViewportSize(viewport);
    found.push(...(await findings(page, name)));
  }
  assert.deepEqual(found, []);
  await page.setViewportSize(before);
}

for (const { way, name, ...options } of WAYS) {
  const check = options.javaScriptEnabled ? assertAccessible : async () => {};

  test(`why Vic cannot publish is told to Vic, and to Ada from the page of the person, ${way}`, { timeout: LIMIT_MS }, async () => {
    const ada = await withTable([watch('viewers', 'green-room'), publish('viewers', 'stage')], options);
    const vic = await door.signIn('vic', options);
    await vic.getByLabel('Room', { exact: true }).selectOption('green-room');
    await vic.getByRole('checkbox', { name: 'Publish' }).check();
    const watching = vic.getByRole('checkbox', { name: 'Watch' });
    if (await watching.count() > 0) await watching.uncheck();
    await vic.getByRole('button', { name: 'Get a token' }).click();
    await vic.getByRole('alert').getByText('In green-room you may only watch').waitFor();

    await goTo(ada, 'People');
    await ada.getByLabel('Subject, user name or name').fill('vic');
    await ada.getByRole('button', { name: 'Find' }).click();
    await ada.getByRole('link', { name: /^Show Vic Viewer/ }).click();
    await ada.getByRole('link', { name: 'Explain what they may do' }).click();
    await ada.getByRole('heading', { name: 'A token is issued' }).or(ada.getByRole('heading', { name: 'No token is issued' })).waitFor();
    await check(ada, 'explained');
    await ada.getByLabel('To do what').selectOption({ label: 'Publish' });
    await ada.getByLabel('Room', { exact: true }).fill('green-room');
    await ada.getByRole('button', { name: 'Explain' }).click();
    await ada.getByRole('heading', { name: 'No token is issued' }).waitFor();
    const answer = ada.getByRole('region', { name: 'The answer' });
    assert.match(await answer.innerText(), /green-room[\s\S]*watch/);
    // The address of the answer can be sent to a colleague.
    const again = await door.signIn('ada', options);
    await again.goto(ada.url());
    assert.equal(
      await again.getByRole('region', { name: 'The answer' }).locator('.notice').innerText(),
      await answer.locator('.notice').innerText(),
    );
    await check(ada, 'explained, refused');
    await ada.goto(`${door.url}/admin/explain?person=p_${'0'.repeat(32)}`);
    await ada.getByText('There is no such person').first().waitFor();
    await check(ada, 'explain, unknown person');
  });

  test(`who can publish in studio-1 is asked and answered, ${way}`, { timeout: LIMIT_MS }, async () => {
    const ada = await withTable([publish('viewers', 'studio-*'), watch('producers', 'studio-1')], options);
    await door.signIn('vic');
    await goTo(ada, 'Who can');
    await ada.getByLabel('May').selectOption({ label: 'Publish' });
    await ada.getByLabel('Room').fill('studio-1');
    await ada.getByRole('button', { name: 'Find' }).click();
    await ada.getByRole('heading', { name: /1 person can publish in studio-1/ }).waitFor();
    await ada.getByRole('link', { name: /^Show Vic Viewer/ }).click();
    await ada.getByRole('heading', { name: 'Vic Viewer' }).waitFor();
  });

  test(`Vic is blocked by name and let in again, ${way}`, { timeout: LIMIT_MS }, async () => {
    const ada = await withTable([watch('viewers', 'lobby')], options);
    const vic = await door.signIn('vic', options);
    await ada.goto(`${door.url}/admin/blocks/new`);
    await ada.getByLabel('Find a person by name').fill('Vic View');
    await ada.getByRole('button', { name: 'Find' }).click();
    await ada.getByRole('link', { name: /^Choose Vic Viewer/ }).click();
    await ada.getByRole('textbox', { name: 'Why' }).fill('The password was found in a chat.');
    await ada.getByRole('button', { name: 'Block the person' }).click();
    await ada.getByText('The person is blocked').waitFor();
    await vic.goto(`${door.url}/`);
    await vic.getByRole('link', { name: 'Sign in', exact: true }).waitFor();
    await ada.getByRole('link', { name: /^Lift the block of Vic Viewer/ }).click();
    await ada.getByRole('main').getByRole('button').click();
    await ada.getByText('The person may sign in again').waitFor();
  });

  test(`a table is exported, and a file imported after its plan was seen, ${way}`, { timeout: LIMIT_MS }, async () => {
    const ada = await withTable([watch('viewers', 'lobby'), watch('crew', 'lobby')], options);
    await door.signIn('vic');
    await goTo(ada, 'Files');
    await check(ada, 'import and export');
    const [download] = await Promise.all([
      ada.waitForEvent('download'),
      ada.getByRole('link', { name: 'Download as JSON' }).click(),
    ]);
    assert.equal(download.suggestedFilename(), 'mappings.json');
    const file = JSON.parse(await readFile(await download.path(), 'utf8'));
    assert.deepEqual(file.mappings.map(({ group }) => group).sort(), ['crew', 'viewers']);

    const upload = (content, as = 'mappings.json') => ada.getByLabel('File', { exact: true }).setInputFiles({
      name: as, mimeType: 'application/json', buffer: Buffer.from(content),
    });
    await upload('group,match\r\ncrew,exact\r\n', 'mappings.csv');
    await ada.getByRole('button', { name: 'Show what it would change' }).click();
    await ada.getByRole('alert').getByText('CSV').waitFor();
    await check(ada, 'import, refused');

    const wanted = { mappings: [publish('viewers', 'stage'), ...file.mappings.filter(({ group }) => group === 'crew')] };
    await upload(JSON.stringify(wanted));
    await ada.getByRole('button', { name: 'Show what it would change' }).click();
    const plan = ada.getByRole('region', { name: 'What the file would change' });
    await plan.getByText(/^\d to add, \d to change, \d to remove\.$/).waitFor();
    await plan.getByText(/Of \d+ people .+, 1 can/).waitFor();
    assert.match(await plan.innerText(), /viewers/);
    await check(ada, 'plan of a file');
    assert.equal((await ada.table()).length, 2);
    await plan.getByRole('button', { name: 'Apply' }).click();
    await ada.getByRole('status').getByText('It was done, as change set').waitFor();
    assert.deepEqual((await ada.table()).map(({ rooms }) => rooms[0]).sort(), ['lobby', 'stage']);

    // The same file again: nothing is left to do. It may be pasted, too.
    await goTo(ada, 'Files');
    await ada.getByLabel('Or paste it').fill(JSON.stringify(wanted));
    await ada.getByRole('button', { name: 'Show what it would change' }).click();
    await ada.getByText('Nothing changes').waitFor();
    assert.equal(await ada.getByRole('button', { name: 'Apply' }).count(), 0);
  });

  test(`a mapping test is written, and refuses an edit that breaks it, ${way}`, { timeout: LIMIT_MS }, async () => {
    const ada = await withTable([watch('viewers', 'lobby')], options);
    await goTo(ada, 'Tests');
    await check(ada, 'no tests');
    await ada.getByRole('link', { name: 'Add a test' }).click();
    await check(ada, 'new test');
    await ada.getByLabel('Name', { exact: true }).fill('Viewers never publish');
    await ada.getByLabel('Groups').fill('viewers');
    await ada.getByLabel('Can', { exact: true }).fill('watch lobby WHEP');
    await ada.getByLabel('Cannot').fill('publish everywhere please');
    await ada.getByRole('button', { name: 'Add it' }).click();
    await ada.getByRole('alert').getByText('publish everywhere please').waitFor();
    await check(ada, 'test, refused');
    assert.equal((await ada.getByLabel('Can', { exact: true }).inputValue()).trim(), 'watch lobby WHEP');
    await ada.getByLabel('Cannot').fill('watch lobby');
    await ada.getByRole('button', { name: 'Add it' }).click();
    await ada.getByRole('alert').getByText(/can now watch in lobby/).waitFor();
    await ada.getByLabel('Cannot').fill('publish *');
    await ada.getByRole('button', { name: 'Add it' }).click();
    await ada.getByRole('status').waitFor();
    await ada.getByText('Passes').waitFor();
    await check(ada, 'tests');

    await goTo(ada, 'Mappings');
    await ada.getByRole('rowheader', { name: 'viewers' }).getByRole('link').click();
    await ada.locator('#roles-red5-publisher').check();
    await ada.getByRole('checkbox', { name: /WHIP/ }).check();
    await ada.getByRole('button', { name: 'Save' }).click();
    await ada.getByRole('alert').getByText(/Viewers never publish.*group viewers can now publish in lobby/).waitFor();
    assert.deepEqual((await ada.table()).map(({ roles }) => roles), [['red5-subscriber']]);

    // The test is taken away by its own page; then the edit goes through.
    await goTo(ada, 'Tests');
    await ada.getByRole('link', { name: /^Delete/ }).click();
    await check(ada, 'delete a test');
    await ada.getByRole('button', { name: 'Delete it' }).click();
    await ada.getByText('There is no test yet').waitFor();
  });

  test(`a change is undone from the history, and the undoing too, ${way}`, { timeout: LIMIT_MS }, async () => {
    const ada = await withTable([watch('viewers', 'lobby')], options);
    await ada.goto(`${door.url}/admin/mappings`);
    await ada.getByRole('rowheader', { name: 'viewers' }).getByRole('link').click();
    await ada.getByLabel('Rooms, one to a line').fill(`attic-${name}`);
    await ada.getByRole('button', { name: 'Save' }).click();
    await ada.waitForURL('**done=saved**');
    const rooms = async () => (await ada.table()).map((row) => row.rooms[0]);
    assert.deepEqual(await rooms(), [`attic-${name}`]);

    await goTo(ada, 'History');
    await check(ada, 'history');
    await ada.getByRole('link', { name: /^Undo change set/ }).first().click();
    await ada.getByRole('heading', { level: 1, name: /^Undo change set/ }).waitFor();
    const plan = ada.getByRole('region', { name: 'What this would do' });
    await plan.getByText('0 to add, 1 to change, 0 to remove.').waitFor();
    assert.match(await plan.innerText(), /lobby[\s\S]*attic/);
    await check(ada, 'undo');
    assert.deepEqual(await rooms(), [`attic-${name}`]);
    await plan.getByRole('button', { name: 'Undo it' }).click();
    await ada.getByRole('status').getByText('It was done, as change set').waitFor();
    assert.deepEqual(await rooms(), ['lobby']);

    await ada.getByRole('status').getByRole('link', { name: /^Undo change set/ }).click();
    await ada.getByRole('button', { name: 'Undo it' }).click();
    await ada.getByRole('status').getByText('It was done, as change set').waitFor();
    assert.deepEqual(await rooms(), [`attic-${name}`]);

    // The state of one row, and the table of a time.
    const created = ada.getByRole('row').filter({ hasText: 'mapping.created' }).first();
    await created.getByRole('link', { name: /^Restore this state/ }).click();
    await check(ada, 'restore a row');
    await ada.getByRole('button', { name: 'Restore it' }).click();
    await ada.getByRole('status').getByText('It was done, as change set').waitFor();
    assert.deepEqual(await rooms(), ['lobby']);
    await ada.getByRole('link', { name: /^Restore the table as of before/ }).first().click();
    await ada.getByRole('button', { name: 'Restore it' }).click();
    await ada.getByRole('status').getByText('It was done, as change set').waitFor();
    assert.deepEqual(await rooms(), [`attic-${name}`]);
    await ada.goto(`${door.url}/admin/mappings/restore?at=2999-01-01`);
    await ada.getByRole('alert').getByText('future').waitFor();
    await check(ada, 'restore, refused');
  });
}
