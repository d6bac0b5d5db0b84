// The identity provider of a running Lazuli as its clients see it: principals by Graph, a page by a browser's eyes.

import { randomUUID } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { ClientSecretCredential } from '@azure/identity';

export const ARM = 'https://management.azure.com/.default';
export const DATA = 'https://cognitiveservices.azure.com/.default';
export const PASSWORD = 'Correct-horse-9';
const GRAPH = 'https://graph.microsoft.com/.default';

export class Entra {
    constructor(service) {
        this.service = service;
        this.tenant = service.variables.AZURE_TENANT_ID;
        // for the credentials of @azure/identity
        this.options = {
            authorityHost: service.endpoint, disableInstanceDiscovery: true, tlsOptions: { ca: service.ca }, retryOptions: { maxRetries: 0 },
        };
    }

    credential(clientId = this.service.variables.AZURE_CLIENT_ID, secret = this.service.variables.AZURE_CLIENT_SECRET) {
        return new ClientSecretCredential(this.tenant, clientId, secret, this.options);
    }

    // A bare request: { status, text }.
    fetch(url, { method = 'GET', headers = {}, body } = {}) {
        return new Promise((resolve, reject) => {
            const request = httpsRequest(url, { method, headers, ca: this.service.ca }, async (answer) => {
                let text = '';

                for await (const part of answer.setEncoding('utf8')) text += part;
                resolve({ status: answer.statusCode, text });
            });

            request.on('error', reject).end(body);
        });
    }

    async send(method, path, scope, body) {
        const { token } = await this.credential().getToken(scope);
        const { status, text } = await this.fetch(this.service.endpoint + path, {
            method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: JSON.stringify(body),
        });

        if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
        return JSON.parse(text);
    }

    graph(path, body) {
        return this.send('POST', `/v1.0${path}`, GRAPH, body);
    }

    // An application with its service principal and a secret.
    async application(displayName, more = {}) {
        const made = await this.graph('/applications', { displayName, ...more });
        const password = await this.graph(`/applications/${made.id}/addPassword`, { passwordCredential: { displayName } });
        const principal = await this.graph('/servicePrincipals', { appId: made.appId });

        return { clientId: made.appId, objectId: principal.id, secret: password.secretText };
    }

    async user(name) {
        const passwordProfile = { password: PASSWORD, forceChangePasswordNextSignIn: false };

        await this.graph('/users', { displayName: name, userPrincipalName: name, accountEnabled: true, passwordProfile });
        return name;
    }

    // Gives a role in the subscription.
    assign(objectId, role) {
        const scope = `/subscriptions/${this.service.variables.LAZULI_SUBSCRIPTION_ID}`;
        const definition = `${scope}/providers/Microsoft.Authorization/roleDefinitions/${role}`;

        return this.send(
            'PUT', `${scope}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}?api-version=2022-04-01`, ARM,
            { properties: { roleDefinitionId: definition, principalId: objectId, principalType: 'ServicePrincipal' } },
        );
    }

    // Opens a page, types into its form and sends it; what comes back.
    async signIn(address, typed) {
        const { text } = await this.fetch(address);
        const attribute = (tag, name) => tag.match(`\\b${name}="([^"]*)"`)?.[1] ?? '';
        const form = new URLSearchParams();

        for (const [tag] of text.matchAll(/<input[^>]*>/g)) form.set(attribute(tag, 'name'), attribute(tag, 'value'));
        for (const [name, value] of Object.entries(typed)) form.set(name, value);
        return this.fetch(new URL(attribute(text.match(/<form[^>]*>/)[0], 'action'), address), {
            method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form.toString(),
        });
    }
}
