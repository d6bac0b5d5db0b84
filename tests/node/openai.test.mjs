// The data plane by OpenAI's JavaScript SDK, as Azure's and as its own client.

import assert from 'node:assert/strict';
import { Agent } from 'node:https';
import { after, before, test } from 'node:test';
import OpenAI, { AzureOpenAI } from 'openai';
import { Lazuli } from './service.mjs';

const messages = [{ role: 'user', content: 'What is a deployment?' }];
const tools = [{
    type: 'function',
    function: { name: 'get_time', parameters: { type: 'object', properties: { zone: { type: 'string' } }, required: ['zone'] } },
}];

let service, azure, plain;

before(async () => {
    service = await Lazuli.start();
    const common = { apiKey: service.variables.AZURE_OPENAI_KEY, httpAgent: new Agent({ ca: service.ca }), maxRetries: 0 };

    azure = new AzureOpenAI({ ...common, endpoint: service.endpoint, apiVersion: '2024-10-21' });
    plain = new OpenAI({ ...common, baseURL: `${service.endpoint}/openai/v1/` });
});

after(() => service.stop());

for (const name of ['azure', 'plain']) {
    const client = () => ({ azure, plain })[name];

    test(`${name}: a chat is answered`, async () => {
        const answer = await client().chat.completions.create({ model: 'gpt-4', messages, max_tokens: 5 });

        assert.ok(answer.choices[0].message.content);
        assert.equal(answer.choices[0].finish_reason, 'length');
        assert.deepEqual([answer.model, answer.usage.completion_tokens], ['gpt-4', 5]);
    });

    test(`${name}: a chat is streamed`, async () => {
        const request = { model: 'gpt-4', messages, seed: 3 };
        const whole = await client().chat.completions.create(request);
        let text = '', usage;

        for await (const chunk of await client().chat.completions.create({
            ...request, stream: true, stream_options: { include_usage: true },
        })) {
            text += chunk.choices[0]?.delta?.content ?? '';
            usage = chunk.usage ?? usage;
        }
        assert.equal(text, whole.choices[0].message.content);
        assert.deepEqual(usage, whole.usage);
    });

    test(`${name}: a receipt in a stream is passed over`, async () => {
        const request = { model: 'gpt-4', messages, seed: 3, stream: true, stream_options: { include_usage: true } };
        const read = async (options) => {
            const { data, response } = await client().chat.completions.create(request, options).withResponse();
            const chunks = [];

            for await (const chunk of data) chunks.push({ choices: chunk.choices, usage: chunk.usage });
            return { chunks, receipt: response.headers.get('x-lazuli-receipt') };
        };
        const wanted = await read({ headers: { 'x-lazuli-receipt': 'true' } });
        const other = await read();

        assert.match(wanted.receipt, /^unit=tokens, estimate=\d+/);
        assert.equal(other.receipt, null);
        assert.deepEqual(wanted.chunks, other.chunks);
    });

    test(`${name}: the stream helper gathers text and tool calls`, async () => {
        const talk = await client().beta.chat.completions.stream({ model: 'gpt-4', messages }).finalContent();
        const message = await client().beta.chat.completions
            .stream({ model: 'gpt-4', messages, tools, tool_choice: 'required' }).finalMessage();

        assert.ok(talk.length > 20);
        assert.equal(message.tool_calls[0].function.name, 'get_time');
        assert.equal(typeof JSON.parse(message.tool_calls[0].function.arguments).zone, 'string');
    });

    test(`${name}: embeddings`, async () => {
        const answer = await client().embeddings.create({ model: 'text-embedding-ada-002', input: ['a', 'b'] });

        assert.deepEqual(answer.data.map((item) => [item.index, item.embedding.length]), [[0, 1536], [1, 1536]]);
    });

    test(`${name}: models`, async () => {
        const ids = [];

        for await (const model of client().models.list()) ids.push(model.id);
        assert.ok(ids.includes('gpt-4o-2024-11-20'));
    });

    test(`${name}: errors are the SDK's own kinds`, async () => {
        await assert.rejects(client().chat.completions.create({ model: 'nowhere', messages }), (error) =>
            error instanceof OpenAI.NotFoundError && error.code === 'DeploymentNotFound');
        await assert.rejects(client().chat.completions.create({ model: 'gpt-4', messages: [] }), (error) =>
            error instanceof OpenAI.BadRequestError && error.param === 'messages' && error.code === 'empty_array');
    });

    test(`${name}: a stream may be left`, async () => {
        const stream = await client().chat.completions.create({ model: 'gpt-4', messages, stream: true });

        for await (const chunk of stream) {
            if (chunk.choices[0]?.delta?.content) break; // which ends the request
        }
        assert.ok(stream.controller.signal.aborted);
    });
}

test('a wrong key is refused', async () => {
    const wrong = new AzureOpenAI({
        endpoint: service.endpoint, apiKey: 'wrong', apiVersion: '2024-10-21', httpAgent: new Agent({ ca: service.ca }), maxRetries: 0,
    });

    await assert.rejects(wrong.chat.completions.create({ model: 'gpt-4', messages }), OpenAI.AuthenticationError);
});

// gpt-4 has 40 units of capacity: 40 requests in 10 seconds.
test('a 429 is tried again when its time has come', async () => {
    const limited = await Lazuli.start({ rateLimits: true });

    try {
        const client = new AzureOpenAI({
            endpoint: limited.endpoint, apiKey: limited.variables.AZURE_OPENAI_KEY, apiVersion: '2024-10-21',
            httpAgent: new Agent({ ca: limited.ca }),
        });
        const callAll = (maxRetries) => Promise.allSettled(Array.from({ length: 90 }, () =>
            client.chat.completions.create({ model: 'gpt-4', messages, max_tokens: 1 }, { maxRetries })));
        const refused = (await callAll(0)).filter((one) => one.status === 'rejected').map((one) => one.reason);

        assert.ok(refused.length >= 10, `${refused.length} refused`); // 90 in two windows at most
        for (const error of refused) {
            const waitMs = Number(error.headers['retry-after-ms']);

            assert.ok(error instanceof OpenAI.RateLimitError);
            assert.ok(waitMs > 0 && waitMs <= 10010, `retry-after-ms ${waitMs}`);
            assert.equal(error.headers['x-ratelimit-limit-requests'], '240');
        }
        assert.deepEqual((await callAll(9)).filter((one) => one.status === 'rejected'), []);
    } finally {
        await limited.stop();
    }
});
