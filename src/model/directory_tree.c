/*
 * A treap: a search tree by name, and at the same time a heap by priority. Priorities are random,
 * so that it is as deep as a tree of names that came in random order (some 2 ln n), whatever names
 * clients choose in whatever order.
 *
 * A node that only one tree has is changed in place; one that several have is copied first (own).
 * Whoever has a node has all below it.
 * SPDX-License-Identifier: MIT
 */
#include "model/directory_tree.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "model/directory_entry.h"

struct directory_node {
    atomic_uint refs;
    uint32_t priority; /* no less than those below */
    struct directory_deployment *deployment;
    struct directory_node *left, *right;
};

static struct directory_node *node_new(struct directory_deployment *d)
{
    struct directory_node *n = memory_alloc(sizeof(*n));

    atomic_init(&n->refs, 1);
    random_bytes(&n->priority, sizeof(n->priority));
    n->deployment = d;
    return n;
}

struct directory_node *directory_tree_ref(struct directory_node *n)
{
    if (n)
        atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
    return n;
}

void directory_tree_unref(struct directory_node *n)
{
    if (!n || atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) > 1)
        return;
    directory_tree_unref(n->left);
    directory_tree_unref(n->right);
    directory_deployment_unref(n->deployment);
    free(n);
}

/* The node, or a copy of it that nobody else has. Takes over the reference. */
static struct directory_node *own(struct directory_node *n)
{
    struct directory_node *copy;

    if (atomic_load_explicit(&n->refs, memory_order_acquire) == 1)
        return n;
    copy = memory_alloc(sizeof(*copy));
    atomic_init(&copy->refs, 1);
    copy->priority = n->priority;
    copy->deployment = directory_deployment_ref(n->deployment);
    copy->left = directory_tree_ref(n->left);
    copy->right = directory_tree_ref(n->right);
    directory_tree_unref(n);
    return copy;
}

/* Both nodes are owned. */
static struct directory_node *lift_left(struct directory_node *n)
{
    struct directory_node *up = n->left;

    n->left = up->right;
    up->right = n;
    return up;
}

static struct directory_node *lift_right(struct directory_node *n)
{
    struct directory_node *up = n->right;

    n->right = up->left;
    up->left = n;
    return up;
}

struct directory_node *directory_tree_put(struct directory_node *n, struct directory_deployment *d)
{
    int order;

    if (!n)
        return node_new(d);
    n = own(n);
    order = str_compare_nocase(d->name, n->deployment->name);
    if (order < 0) {
        n->left = directory_tree_put(n->left, d);
        return n->left->priority > n->priority ? lift_left(n) : n;
    }
    if (order > 0) {
        n->right = directory_tree_put(n->right, d);
        return n->right->priority > n->priority ? lift_right(n) : n;
    }
    directory_deployment_unref(n->deployment);
    n->deployment = d;
    return n;
}

/* All of `left` comes before all of `right`. */
static struct directory_node *join(struct directory_node *left, struct directory_node *right)
{
    if (!left || !right)
        return left ? left : right;
    if (left->priority > right->priority) {
        left = own(left);
        left->right = join(left->right, right);
        return left;
    }
    right = own(right);
    right->left = join(left, right->left);
    return right;
}

struct directory_node *directory_tree_remove(struct directory_node *n, struct str name)
{
    struct directory_node *joined;
    int order;

    assert(n);
    order = str_compare_nocase(name, n->deployment->name);
    if (order == 0) {
        joined = join(directory_tree_ref(n->left), directory_tree_ref(n->right));
        directory_tree_unref(n);
        return joined;
    }
    n = own(n);
    if (order < 0)
        n->left = directory_tree_remove(n->left, name);
    else
        n->right = directory_tree_remove(n->right, name);
    return n;
}

const struct directory_deployment *directory_tree_find(const struct directory_node *n,
                                                       struct str name)
{
    int order;

    while (n && (order = str_compare_nocase(name, n->deployment->name)) != 0)
        n = order < 0 ? n->left : n->right;
    return n ? n->deployment : NULL;
}

void directory_tree_each(const struct directory_node *n,
                         void (*visit)(void *data, const struct directory_deployment *d),
                         void *data)
{
    for (; n; n = n->right) {
        directory_tree_each(n->left, visit, data);
        visit(data, n->deployment);
    }
}
