/*
 * The data plane over fakes.h: an account with a deployment for each kind of engine and model, and
 * requests that a test makes by hand.
 *
 *   deployment     model                     engine
 *   sim            gpt-4                     sim
 *   llama          gpt-4                     llama
 *   up             gpt-4                     up      (OpenAI's protocol, model not configured)
 *   far            gpt-4                     azure   (Azure's protocol, model "far-model")
 *   think          o1                        sim
 *   late           o3-mini                   sim     (from 2024-12-01-preview on)
 *   text           gpt-35-turbo-instruct     sim
 *   llama-text     gpt-35-turbo-instruct     llama
 *   up-text        gpt-35-turbo-instruct     up
 *   ada            text-embedding-ada-002    sim
 *   llama-ada      text-embedding-ada-002    llama
 *   small          text-embedding-3-small    sim
 *   llama-small    text-embedding-3-small    llama
 *   up-small       text-embedding-3-small    up
 *   retired        gpt-4, version 0301       sim     (not ready)
 *   ptu            gpt-4                     llama   (provisioned; what it cannot take goes to up)
 *   ptu-sim        gpt-4                     sim     (provisioned)
 *   paid           gpt-4                     paid    (as up; 1,000 for a million tokens of the prompt, half of
 *                                                     it for cached ones, 10,000 of the answer; 1 a day)
 *   ptu-paid       gpt-4                     paid    (provisioned; what it cannot take goes to up)
 *
 * A second account, "azurite", of kind AIServices, has the same deployments; its key is
 * RIG_SERVICES_KEY. Further accounts have no deployments, and rules about whence they are called: "walled" lets in
 * 203.0.113.7 (the requests come from 127.0.0.1), "guarded" whoever comes from 127.0.0.1, but by its
 * own endpoint, since it has a virtual network. Their keys are RIG_WALLED_KEY and RIG_GUARDED_KEY.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_INFERENCE_RIG_H
#define TEST_INFERENCE_RIG_H

#include "fakes.h"
#include "inference/inference.h"
#include "inference/operation.h"

#define RIG_KEY "0123456789abcdef0123456789abcdef"
#define RIG_WALLED_KEY "fedcba98765432100123456789abcdef"
#define RIG_GUARDED_KEY "00112233445566778899aabbccddeeff"
#define RIG_SERVICES_KEY "00000000000000001111111111111111"
#define RIG_ADMIN_TOKEN "the-administrator's"
#define RIG_VERSION "?api-version=2024-10-21"

struct rig {
    struct loop *loop;
    struct clock clock;
    struct catalog *catalog;
    struct directory_box *directory;
    struct key_hash *key_hash;
    struct metrics *metrics;
    struct refusal_log *refusals;
    struct inference *inference;
    struct inference_options options;
    struct http_request *request; /* NULL: none, or gone after its end */
};

extern struct rig rig;

void rig_open(void);
void rig_close(void);
/* For cmocka. The tear-down sees that nothing is left. */
int rig_set_up(void **state);
int rig_tear_down(void **state);

/* A request's head has come; further headers as "Name: value" before the NULL. The api-key is
 * there unless a header of the list says otherwise ("api-key: ..."). */
void rig_head(const char *method, const char *target, const char *const *headers);
void rig_body(struct str body);
void rig_drain(void);
void rig_gone(void);
/* POST /openai/deployments/DEPLOYMENT/PATH of this body. */
void rig_post(const char *deployment, const char *path, const char *body);
void rig_chat(const char *deployment, const char *body);
/* Ends the turn of the loop: a finished request and its arena are gone. */
void rig_turn(void);

/* An exchange for the functions that VALIDATE and shapes are, without a request behind it: its
 * document is `body`. Ends with rig_end_exchange. */
struct exchange *rig_exchange(const struct operation *operation, const char *deployment,
                              const char *version, struct str body);
void rig_end_exchange(struct exchange *x);
/* The engine's whole answer in the client's shape, by parsing it. */
struct str rig_shape(struct exchange *x, const char *answer);

/* How many answer templates have been learned. */
unsigned rig_count_templates(void);

/* The reply's body as JSON, valid until the next call; NULL when it is none. */
yyjson_val *rig_reply_json(void);
/* The value of the reply's header, STR_NONE when it is not there. */
struct str rig_header(const char *name);

#endif
