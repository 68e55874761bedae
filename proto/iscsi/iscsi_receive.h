/* SPDX-License-Identifier: Apache-2.0 */
/* Receiving: PDUs from the stream, each handed to the functions of its opcode.
 *
 * THEORY. A PDU is taken in three steps. First its header is decoded, and the opcode's `begin` says where the data
 * segment goes (the sink): into the text buffer, into the pages of a task, or nowhere. Then the data is received there;
 * a long segment comes straight from the socket, without a copy. Then the opcode's `end` acts on it.
 * Example: a SCSI WRITE with 8 KiB of immediate data. `begin` makes the task and names its pages, the 8 KiB arrive in
 * them, `end` starts it. A `begin` that cannot have memory sets RX_STALLED: nothing more is read until
 * iscsi_receive_on. */
#ifndef PROTO_ISCSI_RECEIVE_H
#define PROTO_ISCSI_RECEIVE_H

#include <stdbool.h>

struct iscsi_conn;

enum iscsi_rx {
	RX_HEADER, /* the next thing to come is a header */
	RX_DATA, /* the stream fills the sink */
	RX_SKIP, /* a data segment nobody wants goes by */
	RX_STALLED, /* waits for memory */
};
enum iscsi_sink { SINK_NONE, SINK_TEXT, SINK_TASK };

/* Take what has come, as many PDUs as one turn may; then pause, or yield, or wait for more. */
void iscsi_receive(struct iscsi_conn *conn);
/* May the connection be read at all just now? Not while it is stalled, while answers are not read, or while there is no
 * room for a PDU. */
bool iscsi_may_receive(struct iscsi_conn *conn);
/* The stream has filled the data segment. */
void iscsi_receive_filled(struct iscsi_conn *conn);
/* Go on after a stall, with the sink as it is now. */
void iscsi_receive_on(struct iscsi_conn *conn);

#endif
