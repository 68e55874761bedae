/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a message: what its step returns, and its one answer.
 *
 * What a step of a message may return:
 *  0 or a negative errno   the message is completed with it
 *  -EAGAIN                 the run is parked (fs/file/run.h)
 *  OP_LOGGED               complete it when the log is durable up to run->msg->word[0] (the sequence that nvlog_append
 *                          returned)
 *  OP_IN_CP                complete it when a CP that has everything changed until now is durable
 *  OP_LATER                the operation calls message_complete by itself */
#ifndef FS_MESSAGE_COMPLETION_H
#define FS_MESSAGE_COMPLETION_H

#include <stdbool.h>

struct fs_message;

enum { OP_LOGGED = 1, OP_LATER = 2, OP_IN_CP = 3 };

/* The answer of a message: once, and never inline. */
void message_complete(struct fs_message *msg, int status);
/* The answer of a message that was never begun: once, and never inline. */
void message_answer(struct fs_message *msg, int status);
/* The message is a read or write of a client: background work sets its pace by these. */
bool message_is_client_io(const struct fs_message *msg);
/* True when the host's file system is full, and the message has waited long enough for room. NULL (background work):
 * never. */
#define MESSAGE_ROOM_WAIT_NS 1000000000ULL
bool message_is_over(const struct fs_message *msg);
/* Fill out.error_text. */
void message_error_text(struct fs_message *msg, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
