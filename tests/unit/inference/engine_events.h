/*
 * What an engine says in the stream of a chat.
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_INFERENCE_ENGINE_EVENTS_H
#define TESTS_INFERENCE_ENGINE_EVENTS_H

#define EVENT(choices)                                                                         \
    "data: "                                                                                   \
    "{\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1\",\"object\":\"chat.completion.chunk\"," \
    "\"created\":17,"                                                                          \
    "\"model\":\"m\",\"choices\":[" choices "]}\n\n"
#define DELTA(delta) EVENT("{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}")
#define STOP EVENT("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}")
#define DONE "data: [DONE]\n\n"

#endif
