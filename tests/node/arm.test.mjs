// The control plane by Microsoft's JavaScript SDK.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CognitiveServicesManagementClient } from '@azure/arm-cognitiveservices';
import { Lazuli } from './service.mjs';

const ACCOUNT = 'node-account';
const ACCOUNT_TYPE = 'Microsoft.CognitiveServices/accounts';

let service, client, group;

async function all(items) {
    const list = [];

    for await (const item of items) list.push(item);
    return list;
}

before(async () => {
    service = await Lazuli.start();
    group = service.variables.LAZULI_RESOURCE_GROUP;
    client = new CognitiveServicesManagementClient(service.credential, service.variables.LAZULI_SUBSCRIPTION_ID, {
        endpoint: service.endpoint,
        credentialScopes: ['https://management.azure.com/.default'],
        tlsOptions: { ca: service.ca },
    });
});

after(() => service.stop());

test('an account is made, shown, listed and updated', async () => {
    const made = await client.accounts.beginCreateAndWait(group, ACCOUNT, {
        kind: 'OpenAI', sku: { name: 's0' }, location: 'eastus', properties: {},
    });

    assert.equal(made.properties.provisioningState, 'Succeeded');
    assert.equal(made.sku.name, 'S0');
    assert.match(made.properties.endpoint, /\/accounts\/node-account\/$/);
    assert.equal((await client.accounts.get(group, ACCOUNT)).id, made.id);
    assert.ok((await all(client.accounts.list())).some((account) => account.name === ACCOUNT));
    assert.ok((await all(client.accounts.listByResourceGroup(group))).some((account) => account.name === ACCOUNT));
    const updated = await client.accounts.beginUpdateAndWait(group, ACCOUNT, { tags: { team: 'a' } });
    assert.deepEqual(updated.tags, { team: 'a' });
});

test('keys are listed and regenerated', async () => {
    const before = await client.accounts.listKeys(group, ACCOUNT);
    const after = await client.accounts.regenerateKey(group, ACCOUNT, 'Key1');

    assert.equal(after.key2, before.key2);
    assert.notEqual(after.key1, before.key1);
});

test('a deployment is made, changed, listed and deleted', async () => {
    const body = {
        sku: { name: 'Standard', capacity: 1 },
        properties: { model: { format: 'OpenAI', name: 'text-embedding-ada-002', version: '1' } },
    };
    const made = await client.deployments.beginCreateOrUpdateAndWait(group, ACCOUNT, 'ada', body);

    assert.equal(made.properties.provisioningState, 'Succeeded');
    assert.equal(made.properties.versionUpgradeOption, 'OnceNewDefaultVersionAvailable');
    assert.deepEqual(made.properties.capabilities, { embeddings: 'true', embeddingsMaxInputs: '1' });
    body.properties.versionUpgradeOption = 'NoAutoUpgrade';
    body.sku.capacity = 120;
    const changed = await client.deployments.beginCreateOrUpdateAndWait(group, ACCOUNT, 'ada', body);
    assert.equal(changed.properties.versionUpgradeOption, 'NoAutoUpgrade');
    assert.deepEqual(changed.properties.rateLimits.map((limit) => limit.count), [120, 120_000]);
    assert.deepEqual((await all(client.deployments.list(group, ACCOUNT))).map((d) => d.name), ['ada']);
    await assert.rejects(client.accounts.beginDeleteAndWait(group, ACCOUNT), { code: 'CannotDeleteResource', statusCode: 409 });
    await client.deployments.beginDeleteAndWait(group, ACCOUNT, 'ada');
    assert.deepEqual(await all(client.deployments.list(group, ACCOUNT)), []);
});

test('models, SKUs and usages are listed', async () => {
    assert.ok((await all(client.models.list('eastus'))).some((item) => item.model.name === 'gpt-35-turbo'));
    assert.ok((await all(client.accounts.listModels(group, ACCOUNT))).some((model) => model.isDefaultVersion));
    assert.ok((await all(client.usages.list('eastus'))).length);
    assert.ok((await all(client.resourceSkus.list())).some((sku) => sku.kind === 'OpenAI' && sku.name === 'S0'));
    const taken = await client.checkDomainAvailability('free-name', ACCOUNT_TYPE);
    assert.equal(taken.isSubdomainAvailable, true);
});

test('errors have Azure\'s codes', async () => {
    await assert.rejects(client.accounts.get(group, 'none'), { code: 'ResourceNotFound', statusCode: 404 });
    await assert.rejects(
        client.deployments.beginCreateOrUpdateAndWait(group, ACCOUNT, 'x', {
            properties: { model: { format: 'OpenAI', name: 'gpt-9', version: '1' } },
        }),
        { code: 'DeploymentModelNotSupported', statusCode: 400 },
    );
});

test('an account is deleted', async () => {
    await client.accounts.beginDeleteAndWait(group, ACCOUNT);
    await assert.rejects(client.accounts.get(group, ACCOUNT), { statusCode: 404 });
});
