// What an administrator of Keycloak does for the bridge: realm, people and groups by its
// REST interface; the client in the console, by the words of docs/providers/keycloak.md.
import assert from 'node:assert/strict';

export const ADMIN = { username: 'admin', password: 'only-here' };
const REALM = 'company';

/** A realm with two groups, and what is done to its people. */
export async function setUpRealm(base) {
  const call = async (method, path, body) => {
    const signIn = new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...ADMIN });
    const grant = await fetch(`${base}/realms/master/protocol/openid-connect/token`, { method: 'POST', body: signIn });
    const { access_token: token } = await grant.json();
    const answer = await fetch(`${base}/admin/realms${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : answer.headers.get('location')?.split('/').pop();
  };

  await call('POST', '', { realm: REALM, enabled: true });
  const streaming = await call('POST', `/${REALM}/groups`, { name: 'streaming' });
  const groups = {};
  const addGroup = async (name) => {
    groups[name] = (await call('POST', `/${REALM}/groups/${streaming}/children`, { name })).id;
  };
  for (const name of ['admins', 'viewers']) await addGroup(name);
  const people = {};
  return {
    issuer: `${base}/realms/${REALM}`,
    addGroup,
    async addPerson(name, ...names) {
      people[name] = await call('POST', `/${REALM}/users`, {
        username: name,
        enabled: true,
        firstName: name,
        lastName: 'Example',
        email: `${name}@example.com`,
        credentials: [{ type: 'password', value: `${name}-password`, temporary: false }],
      });
      for (const group of names) await this.join(name, group);
    },
    join: (person, group) => call('PUT', `/${REALM}/users/${people[person]}/groups/${groups[group]}`),
    leave: (person, group) => call('DELETE', `/${REALM}/users/${people[person]}/groups/${groups[group]}`),
    remove: (person) => call('DELETE', `/${REALM}/users/${people[person]}`),
    /** *Users → the person → Sessions → Logout all sessions*. */
    signOut: (person) => call('POST', `/${REALM}/users/${people[person]}/logout`),
    endSession: (id) => call('DELETE', `/${REALM}/sessions/${id}`),
    sessions: (person) => call('GET', `/${REALM}/users/${people[person]}/sessions`),
  };
}

async function openClients(page, base) {
  await page.goto(`${base}/admin/master/console/#/${REALM}/clients`);
  await page.getByLabel('Username or email').fill(ADMIN.username);
  await page.locator('#password').fill(ADMIN.password);
  await page.getByRole('button', { name: 'Sign In', exact: true }).click();
}

/** *Clients → Create client* and what the guide says after it; answers with the secret. */
export async function registerInConsole(page, base, bridge) {
  const button = (name) => page.getByRole('button', { name, exact: true });
  const field = (name) => page.getByRole('textbox', { name, exact: true });

  await openClients(page, base);
  await page.getByRole('link', { name: 'Create client' }).click();
  await field('Client ID').fill('red5-bridge');
  await button('Next').click();
  await page.getByText('Client authentication', { exact: true }).waitFor();
  await page.locator('#kc-authentication').click({ force: true });
  for (const [flow, on] of [['Standard flow', true], ['Direct access grants', false], ['Implicit flow', false], ['Service accounts roles', false]]) {
    await page.getByLabel(flow, { exact: true }).setChecked(on);
  }
  await button('Next').click();
  await page.getByTestId('redirectUris0').fill(`${bridge}/auth/callback`);
  await page.locator('input[name$="redirect🍺uris.0.value"]').fill(`${bridge}/auth/signed-out`);
  await button('Save').click();
  await page.getByText('Client created successfully').first().waitFor();

  // *Settings → Logout settings*: the field is there only once the other is off.
  const backChannel = page.getByLabel('Backchannel logout URL');
  assert.equal(await backChannel.count(), 0);
  await page.locator('#kc-frontchannelLogout-switch').click({ force: true });
  await backChannel.fill(`${bridge}/auth/backchannel-logout`);
  assert.ok(await page.getByLabel('Backchannel logout session required').isChecked());
  await button('Save').click();
  await page.getByText('Client successfully updated').first().waitFor();

  await page.getByRole('tab', { name: 'Client scopes' }).click();
  await page.getByRole('link', { name: 'red5-bridge-dedicated' }).click();
  await button('Configure a new mapper').click();
  await page.getByText('Group Membership', { exact: true }).click();
  await field('Name').fill('groups');
  await field('Token Claim Name').fill('groups');
  for (const box of ['full.path', 'id.token.claim']) assert.ok(await page.getByTestId(box).isChecked(), box);
  await button('Save').click();
  await page.getByText('Mapping successfully created').first().waitFor();

  await page.goBack();
  await page.goBack();
  await page.getByRole('tab', { name: 'Credentials' }).click();
  const secret = page.locator('#kc-client-secret');
  return secret.inputValue();
}

/** *A key instead of the secret*: `keys` is a file with a JSON Web Key Set. */
export async function registerKeyInConsole(page, base, keys) {
  const button = (name) => page.getByRole('button', { name, exact: true });

  await openClients(page, base);
  await page.getByRole('link', { name: 'red5-bridge', exact: true }).click();
  await page.getByRole('tab', { name: 'Credentials' }).click();
  await page.locator('#clientAuthenticatorType').click();
  await page.getByRole('option', { name: 'Signed Jwt', exact: true }).click();
  await page.locator('section:not([hidden])').getByRole('button', { name: 'Save', exact: true }).click();
  await button('Yes').click();
  await page.getByText('Client successfully updated').first().waitFor();

  await page.getByRole('tab', { name: 'Keys' }).click();
  await button('Import').click();
  await page.locator('#keystoreFormat').click();
  await page.getByRole('option', { name: 'JSON Web Key Set', exact: true }).click();
  await page.getByRole('dialog').locator('input[type=file]').setInputFiles(keys);
  await page.getByRole('dialog').getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByText('New certificate imported').first().waitFor();
}
