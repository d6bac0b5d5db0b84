/*
 * Part of directory: the deployments of an account, by name. A search tree whose nodes successive
 * accounts share: one that differs from the one before in a deployment has nodes of its own on the
 * way to that deployment, and all others in common with it. So a change costs much the same however
 * many deployments there are.
 *
 * A tree is its root, NULL when it is empty, and a reference to it. Those who look up take no
 * references and touch no counts; only who makes a successor does.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_DIRECTORY_TREE_H
#define MODEL_DIRECTORY_TREE_H

#include "model/directory.h"

struct directory_node *directory_tree_ref(struct directory_node *n);
void directory_tree_unref(struct directory_node *n);

/* The tree with the deployment in it, in place of the one of the same name if there is one. Takes
 * over the references to both. */
struct directory_node *directory_tree_put(struct directory_node *n, struct directory_deployment *d);
/* The tree without the deployment of that name, which must be in it. Takes over the reference. */
struct directory_node *directory_tree_remove(struct directory_node *n, struct str name);

/* Without regard to case; NULL when there is none. */
const struct directory_deployment *directory_tree_find(const struct directory_node *n,
                                                       struct str name);

/* All of them, in the order of their names. */
void directory_tree_each(const struct directory_node *n,
                         void (*visit)(void *data, const struct directory_deployment *d),
                         void *data);

#endif
