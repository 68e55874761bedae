/* SPDX-License-Identifier: Apache-2.0 */
/* Who has mounted what: what DUMP tells. Advisory, bounded (the oldest are forgotten), not kept across restarts. Any thread. */
#ifndef PROTO_MOUNT_MOUNT_LIST_H
#define PROTO_MOUNT_MOUNT_LIST_H

#include <stddef.h>

#define MOUNT_LIST_MAX 512U

struct mount_list;

struct mount_list *mount_list_new(void); /* NULL: no memory */
void mount_list_free(struct mount_list *list);
/* Both texts are copied. The same pair again is one entry. */
void mount_list_add(struct mount_list *list, const char *client, const char *path);
/* NULL path: all of the client's. */
void mount_list_remove(struct mount_list *list, const char *client, const char *path);
/* Newest last; the list is locked meanwhile. */
void mount_list_visit(struct mount_list *list, void (*visit)(const char *client, const char *path, void *arg), void *arg);

#endif
