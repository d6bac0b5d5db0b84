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
    // Every deployment answers from the simulator: same request, same answer, at once.
    static async start() {
        const service = new Lazuli();
        const folder = (service.folder = mkdtempSync(join(tmpdir(), 'lazuli-test-')));
        const [key, certificate, data] = ['key.pem', 'cert.pem', 'data'].map((name) => join(folder, name));

        execFileSync('openssl', [
            'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
            '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', certificate,
        ], { stdio: 'ignore' });
        service.ca = readFileSync(certificate, 'utf8');
        writeFileSync(join(folder, 'catalog.yaml'), SIMULATED);
        service.logFile = join(folder, 'log');
        const log = openSync(service.logFile, 'a');
        service.process = spawn(program, [
            'up', '--listen', '127.0.0.1:0', '--data', data, '--catalog', join(folder, 'catalog.yaml'),
            '--tls-certificate', certificate, '--tls-key', key, '--drain-ms', '5000',
        ], { stdio: ['ignore', log, log] });
        closeSync(log);
        await service.ready();
        service.variables = JSON.parse(execFileSync(program, ['env', '--data', data, '--format', 'json']));
        service.port = new URL(service.variables.LAZULI_ARM_ENDPOINT).port;
        service.endpoint = `https://127.0.0.1:${service.port}`;
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
        rmSync(this.folder, { recursive: true });
        if (status !== 0) throw new Error(`lazuli ended with ${status}:\n${log.slice(-4000)}`);
    }
}
