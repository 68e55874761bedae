/* SPDX-License-Identifier: Apache-2.0 */
/* Who has mounted what: what DUMP tells each client of itself. Of the process, advisory, bounded (the oldest are
 * forgotten), not kept across restarts. Any thread. */
#ifndef PROTO_MOUNT_MOUNT_LIST_H
#define PROTO_MOUNT_MOUNT_LIST_H

#define MOUNT_LIST_MAX 512U

/* Both texts are copied. The same pair again is one entry. */
void mount_list_add(const char *client, const char *path);
/* NULL path: all of the client's. */
void mount_list_remove(const char *client, const char *path);
/* Newest last; the list is locked meanwhile. */
void mount_list_visit(void (*visit)(const char *client, const char *path, void *arg), void *arg);

#endif
