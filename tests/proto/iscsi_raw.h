/* SPDX-License-Identifier: Apache-2.0 */
/* A raw initiator for tests: a service on a loop thread, and PDUs written and read byte for byte over a socket pair. */
#ifndef TESTS_PROTO_ISCSI_RAW_H
#define TESTS_PROTO_ISCSI_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/iscsi/iscsi_server.h"
#include "proto/iscsi/iscsi_spec.h"

#define RAW_IQN "iqn.2026-11.org.vcstore:raw"
#define RAW_DATA_MAX (2U << 20)

/* Of the service that raw_setup makes next; 0: defaults. */
extern struct iscsi_times raw_times;
extern unsigned raw_max_connections;
/* Service with LUNs 0 and 1 of 16 MiB over ramlun, on one loop thread. */
void raw_setup(void);
void raw_teardown(void);
struct iscsi_server *raw_server(void);
struct lunmap *raw_maps(void);
struct loop *raw_loop(void);
/* Map again LUN 0 with this size and n_luns LUNs. */
void raw_map(uint64_t lun0_bytes, unsigned n_luns, bool online);

struct raw {
	int fd;
	uint32_t cmdsn, itt, exp_cmdsn, max_cmdsn, statsn;
	bool header_digest, data_digest;
	uint8_t isid_tail;
	struct iscsi_bhs bhs; /* last received */
	uint8_t data[RAW_DATA_MAX];
	uint32_t data_len;
};

/* A connection, nothing sent yet. Heap. */
struct raw *raw_connect(void);
void raw_close(struct raw *raw);
/* Bytes as they are. False: the service has closed. */
bool raw_write(struct raw *raw, const void *bytes, size_t len);
/* A PDU with length, padding and digests filled in. */
bool raw_send(struct raw *raw, struct iscsi_bhs *bhs, const void *ahs, size_t ahs_len, const void *data, size_t len);
/* The next PDU into raw->bhs, raw->data; false: closed, or nothing for `timeout_ms`. Checks the digests. */
bool raw_recv(struct raw *raw, int timeout_ms);
/* True when the service closes within a second (PDUs before that are read away). */
bool raw_is_closed(struct raw *raw);

/* One login request with these keys ("a=b\0c=d\0", len with the last NUL) and its response; returns status class << 8 |
 * detail, -1: closed. */
int raw_login_step(struct raw *raw, uint8_t flags, const void *text, size_t len);
/* All the way to full feature phase; `more` are additional keys. */
int raw_login(struct raw *raw, const char *more, size_t more_len);
/* The value of a key in the last text received; NULL: not there. */
const char *raw_key(const struct raw *raw, const char *key);

/* A command PDU (F set, CmdSN counted); returns its ITT; 0: the connection has ended. */
uint32_t raw_command(struct raw *raw, uint32_t lun, const uint8_t *cdb, size_t cdb_len, uint8_t flags, uint32_t edtl,
                     const void *data, size_t len);
/* Command and all its data-in; returns the SCSI status, -1: closed or something else came. Sense key and ASC in
 * raw->data after errors. */
int raw_scsi(struct raw *raw, uint32_t lun, const uint8_t *cdb, size_t cdb_len, uint32_t in_len, const void *out,
             uint32_t out_len);
/* key << 16 | asc of the sense in raw->data. */
uint32_t raw_sense(const struct raw *raw);
/* TEST UNIT READY until unit attentions are gone. */
void raw_settle(struct raw *raw, uint32_t lun);
/* Data-Out. */
bool raw_data_out(struct raw *raw, uint32_t itt, uint32_t ttt, uint32_t data_sn, uint32_t offset, const void *data,
                  size_t len, bool final);
/* Wait until `n` messages are held by ramlun. */
void raw_wait_held(unsigned n);

#endif
