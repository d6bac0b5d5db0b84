// The service under test: the real binary on a free port with a folder of its own, over TLS, ended by its pid.

import { execFileSync, spawn } from 'node:child_process';
import { webcrypto } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

// Microsoft's SDK counts on Node 20's global; Debian bookworm has Node 18, which keeps it to itself.
globalThis.crypto ??= webcrypto;

const program = process.env.LAZULI ?? fileURLToPath(new URL('../../build/lazuli', import.meta.url));
const START_LIMIT_MS = 60_000;

const SIMULATED = `
extends: default
default_engines:
  chat: sim
  completion: sim
  embeddings: sim
`;

export class Lazuli {
    // Every deployment answers from the simulator: same request, same answer, at once. Who gives a folder keeps it.
    static async start({ folder, options = [], rateLimits = false } = {}) {
        const service = new Lazuli();
        service.ownFolder = folder ? undefined : mkdtempSync(join(tmpdir(), 'lazuli-test-'));
        folder ??= service.ownFolder;
        const [catalog, data] = ['catalog.yaml', 'data'].map((name) => join(folder, name));

        writeFileSync(catalog, SIMULATED);
        service.logFile = join(folder, 'log');
        const log = openSync(service.logFile, 'w');
        service.process = spawn(program, [
            'up', '--listen', '127.0.0.1:0', '--data', data, '--catalog', catalog, '--drain-ms', '5000',
            `--rate-limits=${rateLimits}`, ...options,
        ], { stdio: ['ignore', log, log] });
        closeSync(log);
        await service.ready();
        service.variables = JSON.parse(execFileSync(program, ['env', '--data', data, '--format', 'json']));
        service.ca = readFileSync(service.variables.LAZULI_CA_BUNDLE, 'utf8');
        service.plain = service.variables.LAZULI_ARM_ENDPOINT;
        service.endpoint = service.variables.AZURE_AUTHORITY_HOST; // the same by TLS
        return service;
    }

    async ready() {
        const deadline = Date.now() + START_LIMIT_MS;

        while (!readFileSync(this.logFile, 'utf8').includes(' started ')) {
            if (this.process.exitCode !== null || Date.now() > deadline) {
                this.process.kill('SIGKILL');
                throw new Error(`lazuli did not start:\n${readFileSync(this.logFile, 'utf8')}`);
            }
            await sleep(20);
        }
    }

    // As azure-identity hands a token over.
    get credential() {
        const token = this.variables.LAZULI_ARM_TOKEN;

        return { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
    }

    async stop() {
        const ended = new Promise((resolve) => this.process.once('exit', resolve));

        this.process.kill('SIGTERM');
        const status = this.process.exitCode ?? (await ended);
        const log = readFileSync(this.logFile, 'utf8');
        if (this.ownFolder) rmSync(this.ownFolder, { recursive: true });
        if (status !== 0) throw new Error(`lazuli ended with ${status}:\n${log.slice(-4000)}`);
    }
}
