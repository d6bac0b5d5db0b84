// What somebody has written for Azure: it names no host, no secret and no certificate. Run by identity.test.mjs.

import { webcrypto } from 'node:crypto';
import { CognitiveServicesManagementClient } from '@azure/arm-cognitiveservices';
import { DefaultAzureCredential, getBearerTokenProvider } from '@azure/identity';
import { AzureOpenAI } from 'openai';

globalThis.crypto ??= webcrypto; // for Node 18: see service.mjs

const credential = new DefaultAzureCredential({ disableInstanceDiscovery: true }); // as in every cloud but Azure's own
const arm = new CognitiveServicesManagementClient(credential, process.env.LAZULI_SUBSCRIPTION_ID, {
    endpoint: process.env.AZURE_AUTHORITY_HOST, credentialScopes: ['https://management.azure.com/.default'],
});
const accounts = [];
for await (const account of arm.accounts.list()) accounts.push(account.name);

delete process.env.AZURE_OPENAI_API_KEY; // or the client would take that
const azureADTokenProvider = getBearerTokenProvider(credential, 'https://cognitiveservices.azure.com/.default');
const client = new AzureOpenAI({ azureADTokenProvider, apiVersion: '2024-10-21' });
const answer = await client.chat.completions.create({
    model: 'gpt-4', messages: [{ role: 'user', content: 'What is a deployment?' }], max_tokens: 5,
});

console.log(JSON.stringify({ accounts, finished: answer.choices[0].finish_reason }));
