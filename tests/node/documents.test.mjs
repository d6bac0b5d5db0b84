// The code for Node.js of the documents in tests/seeds, run as it stands.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import ts from 'typescript';
import { Lazuli } from './service.mjs';

const document = readFileSync(new URL('../seeds/setup-and-first-call.md', import.meta.url), 'utf8');
const [, snippet] = document.match(/^```ts\n(.*?)^```/ms);

let service, folder;

before(async () => {
    service = await Lazuli.start();
    folder = mkdtempSync(fileURLToPath(new URL('.snippet-', import.meta.url))); // where node-fetch is found
});

after(async () => {
    rmSync(folder, { recursive: true });
    await service.stop();
});

// What the page has the reader set; a module reads it once, so each gets a module of its own.
async function load(name, deployment) {
    const compiled = ts.transpileModule(snippet, { compilerOptions: { module: 'ES2022', target: 'ES2022' } });
    const file = `${folder}/${name}.mjs`;

    Object.assign(process.env, service.variables, {
        AZURE_OPENAI_ENDPOINT: service.plain,
        AZURE_OPENAI_DEPLOYMENT: deployment,
    });
    writeFileSync(file, compiled.outputText);
    return import(file);
}

test('the first call by node-fetch', async () => {
    const { summarize } = await load('first', 'gpt-4');

    assert.ok((await summarize('Taxi 20 EUR, hotel 140 EUR')).length > 20);
});

test('its error names status and body', async () => {
    const { summarize } = await load('second', 'nowhere');

    await assert.rejects(summarize('x'), /^Error: Azure OpenAI error 404: \{"error":\{"code":"DeploymentNotFound"/);
});
