// Tokens by the credential classes of @azure/identity, and what they open.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { Agent } from 'node:https';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CognitiveServicesManagementClient } from '@azure/arm-cognitiveservices';
import {
    ClientCertificateCredential, DeviceCodeCredential, getBearerTokenProvider, ManagedIdentityCredential,
} from '@azure/identity';
import OpenAI, { AzureOpenAI } from 'openai';
import { ARM, DATA, Entra, PASSWORD } from './entra.mjs';
import { Lazuli } from './service.mjs';

const OPENAI_USER = '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd';
const READER = 'acdd72a7-3385-48ef-bd42-f606fba81ae7';
const messages = [{ role: 'user', content: 'What is a deployment?' }];

let service, entra;

before(async () => {
    service = await Lazuli.start();
    entra = new Entra(service);
});

after(() => service.stop());

async function claims(credential, scope = ARM) {
    const { token } = await credential.getToken(scope);

    return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
}

test('ClientSecretCredential', async () => {
    const found = await claims(entra.credential());

    assert.equal(found.appid, service.variables.AZURE_CLIENT_ID);
    assert.equal(found.aud, 'https://management.azure.com');
    await assert.rejects(claims(entra.credential(undefined, 'wrong')), /invalid_client.*AADSTS7000215/s);
});

test('ClientCertificateCredential', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lazuli-test-'));
    const pem = () => { // with its key
        const line = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=client -keyout key.pem -out cert.pem';

        execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'ignore' });
        return ['key.pem', 'cert.pem'].map((name) => readFileSync(join(folder, name), 'utf8')).join('');
    };

    try {
        const certificate = pem();
        const key = certificate.match(/BEGIN CERTIFICATE-----([^-]*)-/)[1].replaceAll('\n', '');
        const { clientId } = await entra.application('by certificate', {
            keyCredentials: [{ type: 'AsymmetricX509Cert', usage: 'Verify', key }],
        });
        const credential = (text) => new ClientCertificateCredential(entra.tenant, clientId, { certificate: text }, entra.options);
        assert.equal((await claims(credential(certificate))).appid, clientId);
        await assert.rejects(claims(credential(pem())), /AADSTS700027/);
    } finally {
        rmSync(folder, { recursive: true });
    }
});

test('DeviceCodeCredential, with somebody who signs in on the page', async () => {
    const username = await entra.user('ann@lazuli.example');
    const pages = [];
    const credential = new DeviceCodeCredential({
        ...entra.options, tenantId: entra.tenant, userPromptCallback: async ({ userCode, verificationUri }) => {
            for (const password of ['no', PASSWORD]) {
                pages.push((await entra.signIn(verificationUri, { user_code: userCode, username, password })).text);
            }
        },
    });

    assert.equal((await claims(credential)).upn, username);
    assert.equal((await claims(credential, DATA)).aud, 'https://cognitiveservices.azure.com'); // without being asked again
    assert.equal(pages.length, 2);
    assert.match(pages[0], /invalid username or password/);
    assert.match(pages[1], /You have signed in/);
});

test('ManagedIdentityCredential', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lazuli-test-'));

    try {
        const first = await Lazuli.start({ folder });
        const clientId = first.variables.AZURE_CLIENT_ID;
        await first.stop();
        const machine = await Lazuli.start({ folder, options: ['--machine-identity', clientId] });
        process.env.AZURE_POD_IDENTITY_AUTHORITY_HOST = machine.plain;
        try {
            assert.equal((await claims(new ManagedIdentityCredential())).appid, clientId);
            assert.equal((await claims(new ManagedIdentityCredential({ clientId }), DATA)).appid, clientId);
        } finally {
            delete process.env.AZURE_POD_IDENTITY_AUTHORITY_HOST;
            await machine.stop();
        }
    } finally {
        rmSync(folder, { recursive: true });
    }
});

test('a role opens the control plane as far as it reaches', async () => {
    const { clientId, objectId, secret } = await entra.application('reader');
    const { LAZULI_SUBSCRIPTION_ID: subscription, LAZULI_RESOURCE_GROUP: group, LAZULI_ACCOUNT: account } = service.variables;
    const client = new CognitiveServicesManagementClient(entra.credential(clientId, secret), subscription, {
        endpoint: service.endpoint, credentialScopes: [ARM], tlsOptions: { ca: service.ca },
    });

    await assert.rejects(client.accounts.get(group, account), { statusCode: 403, code: 'AuthorizationFailed' });
    await entra.assign(objectId, READER);
    assert.equal((await client.accounts.get(group, account)).name, account);
    await assert.rejects(client.accounts.listKeys(group, account), { statusCode: 403, code: 'AuthorizationFailed' });
});

test('a role opens the data plane', async () => {
    const { clientId, objectId, secret } = await entra.application('caller');
    const client = new AzureOpenAI({
        endpoint: `${service.endpoint}/accounts/${service.variables.LAZULI_ACCOUNT}`, apiVersion: '2024-10-21', maxRetries: 0,
        azureADTokenProvider: getBearerTokenProvider(entra.credential(clientId, secret), DATA),
        httpAgent: new Agent({ ca: service.ca }),
    });
    const ask = () => client.chat.completions.create({ model: 'gpt-4', messages, max_tokens: 5 });

    await assert.rejects(ask(), (error) => error instanceof OpenAI.AuthenticationError && error.code === 'PermissionDenied');
    await entra.assign(objectId, OPENAI_USER);
    assert.equal((await ask()).usage.completion_tokens, 5);
});

test('a program that knows nothing of this finds it by its environment', async () => {
    const { clientId, objectId, secret } = await entra.application('unmodified');
    const program = fileURLToPath(new URL('unmodified.mjs', import.meta.url));

    await entra.assign(objectId, READER);
    await entra.assign(objectId, OPENAI_USER);
    const { stdout } = await promisify(execFile)(process.execPath, [program], {
        env: {
            ...process.env, ...service.variables, AZURE_CLIENT_ID: clientId, AZURE_CLIENT_SECRET: secret,
            NODE_EXTRA_CA_CERTS: service.variables.LAZULI_CA_BUNDLE,
            AZURE_OPENAI_ENDPOINT: `${service.endpoint}/accounts/${service.variables.LAZULI_ACCOUNT}`,
        },
    });
    assert.deepEqual(JSON.parse(stdout), { accounts: [service.variables.LAZULI_ACCOUNT], finished: 'length' });
});
