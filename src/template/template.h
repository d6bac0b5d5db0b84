/*
 * A template as a document: its parameters, variables, user functions, resources and outputs
 * (learn.microsoft.com, "Understand the structure and syntax of ARM templates"; languageVersion 2.0 as Bicep emits it). Pure:
 * who deploys it asks for the next resource, gets its body with every expression evaluated, and says what became of it.
 *
 *   template_load       the sections, their limits, the parameters' values
 *   template_expand     one item for each resource and each turn of its loop: id, condition, what must come before it;
 *                       refuses expressions that cannot be evaluated, whatever is deployed
 *   template_next       the next resource that may be deployed
 *   template_body       its body; false with `waits` set where it refers to one that is yet to be deployed
 *   template_finish     it is there, or failed: then what depends on it is skipped
 *   template_outputs    after the last
 *
 * Errors are ERROR_ARM_TEMPLATE in Azure's words, but for lines and columns, which are not known here. All lives in the
 * context's arena.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEMPLATE_TEMPLATE_H
#define TEMPLATE_TEMPLATE_H

#include "base/json.h"
#include "template/expression.h"

/* Azure's limits ("Azure Resource Manager limits", "Template limits"). */
#define TEMPLATE_PARAMETERS_MAX 256
#define TEMPLATE_VARIABLES_MAX 512
#define TEMPLATE_RESOURCES_MAX 800
#define TEMPLATE_OUTPUTS_MAX 64
/* Turns of one loop ("copy"). */
#define TEMPLATE_COPIES_MAX 800
/* Not Azure's: an id, a type, a name or an api-version in bytes, which are longer than any resource's. Each is copied for each
 * resource that has it. */
#define TEMPLATE_ID_BYTES_MAX 2048
/* Not Azure's: resources that one refers to or depends on, each counted once for each. */
#define TEMPLATE_NEEDS_MAX 100000

#define TEMPLATE_NONE SIZE_MAX

/* The host's subjects. */
#define TEMPLATE_SUBJECTS 6

/* What it is deployed to. */
struct template_place {
    struct str subscription_id;
    struct str group; /* empty: to the subscription */
};

/* "reference" or a "list*" function, of a resource that is there. */
struct template_question {
    struct str function;
    struct str id;
    struct str api_version;
    bool is_full;         /* reference(..., 'Full') */
    yyjson_mut_val *body; /* of list*: its third argument; may be NULL */
};

/* What is around the template. Values are made in the context's document. */
struct template_host {
    /* deployment(), subscription(), resourceGroup(), tenant(), environment(), deployer(): the value that the function of
     * that name has; NULL where it has none. */
    yyjson_mut_val *(*subject)(void *data, struct template_context *x, struct str name);
    bool (*ask)(void *data, struct template_context *x, const struct template_question *question,
                yyjson_mut_val **value, struct error *err);
    void *data;
};

/* A parameter, a variable, or one item of another section. */
struct template_named {
    struct str name;
    yyjson_val *definition; /* of a variable, its value */
    yyjson_mut_val *value;  /* NULL: not evaluated yet */
    bool is_loop;           /* a variable made by "copy": the definition is that of the loop */
    bool is_under_way;
};

/* A turn of a loop. */
struct template_loop {
    struct str name;
    int64_t index;
    bool is_resources;
    const struct template_loop *outer;
};

enum template_state {
    TEMPLATE_PENDING,
    TEMPLATE_UNDER_WAY, /* it, or one that it needs, is next */
    TEMPLATE_DEPLOYED,  /* or there already, or not wanted */
    TEMPLATE_LOST,      /* failed */
    TEMPLATE_SKIPPED,   /* needs one that failed */
};

struct template_resource {
    struct str symbol; /* its name in an object of resources; else empty */
    struct str type;   /* "Microsoft.CognitiveServices/accounts/deployments" */
    struct str name;   /* "account/deployment" */
    struct str api_version;
    struct str id;
    struct template_place place; /* of a nested deployment: what that deploys to */
    yyjson_val *definition;
    const struct template_loop *loop; /* may be NULL */
    bool is_existing;
    bool is_wanted; /* its condition */
    bool is_deployment;
    enum template_state state;
    size_t *needs;
    size_t need_count, need_max;
};

struct template
{
    struct template_context x; /* its `data` is the template */
    struct template_place place;
    const struct template_host *host;
    yyjson_val *root;
    yyjson_val *given;     /* parameters of the request: {"NAME": {"value": ...}}; may be NULL */
    bool is_symbolic;      /* languageVersion 2.0: resources in an object */
    bool is_looking;       /* what is referred to is noted, not asked for: template_expand */
    bool waits;            /* while looking: the expression refers to something */
    bool takes_references; /* reference() and list*() may stand where we are */
    struct template_named *parameters, *variables;
    size_t parameter_count, variable_count;
    struct template_resource *resources;
    size_t resource_count, resource_max, need_count;
    size_t *path; /* what is under way, the innermost last */
    size_t path_count;
    size_t current;  /* the resource whose expressions are evaluated; TEMPLATE_NONE */
    size_t waits_on; /* what it refers to and is not there yet; TEMPLATE_NONE */
    const struct template_loop *loop;
    const struct template_frame *frame; /* the user function around; NULL */
    uint64_t function_steps; /* that it takes to find a user function; 0: not known yet */
    yyjson_mut_val
        *subjects[TEMPLATE_SUBJECTS]; /* as the host has given them; NULL: not asked yet */
};

/* `t` is the caller's, zeroed. Of its context, the caller fills arena, doc, budget and now_ms. `parameters` may be NULL. What
 * is given must outlive it. */
MUST_CHECK bool template_load(struct template *t, const struct template_place *place,
                              const struct template_host *host, yyjson_val *root,
                              yyjson_val *parameters, struct error *err);
MUST_CHECK bool template_expand(struct template *t, struct error *err);

/* False: there is none any more, or *err. `*i` is TEMPLATE_NONE at the end. */
MUST_CHECK bool template_next(struct template *t, size_t *i, struct error *err);
/* The body of a PUT, as an unlinked value: what the template says but for what is the deployment's alone ("condition",
 * "copy", "dependsOn", ...). Of a nested deployment with a scope of its own, its template is left as it is. With `*waits`
 * the resource is to be asked for again, by template_next. */
MUST_CHECK bool template_body(struct template *t, size_t i, yyjson_mut_val **body, bool *waits,
                              struct error *err);
void template_finish(struct template *t, size_t i, bool is_good);

/* An object: {"NAME": {"type", "value"}}, without the values of secure types. The error's target is the output. */
MUST_CHECK bool template_outputs(struct template *t, yyjson_mut_val **outputs, struct error *err);
/* The same of the parameters. */
MUST_CHECK bool template_shown_parameters(struct template *t, yyjson_mut_val **shown,
                                          struct error *err);

/* Takes the values of secure parameters out of a message. */
void template_hide_secrets(struct template *t, struct error *err);
/* Out of a text: in the context's arena, or `text` itself when it has none. */
struct str template_without_secrets(struct template *t, struct str text);
/* Out of the texts of a JSON document, likewise. Empty when that is none: rather no details than a secret. */
struct str template_json_without_secrets(struct template *t, struct str json);

/* The member of that name, without regard to case, and not null; NULL. For members of templates and of the requests that they come
 * in. */
yyjson_val *template_get(yyjson_val *object, const char *name);

/* The decimal digits by which two templates are told apart (Azure's templateHash, by a way of our own). */
struct str template_hash(struct arena *a, yyjson_val *root);

#endif
