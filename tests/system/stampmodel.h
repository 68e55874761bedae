/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle of a disk under test: what each 4 KiB block may hold, kept in a file outside of the server.
 *
 * THEORY. Every write of a block gets a new version, and its bytes follow from (seed, block, version). Version 0 is the
 * base image, or zeros beyond it. Per block three numbers are kept: `durable` (covered by a flush that was answered),
 * `acked` (answered), `issued`. While the server lives a read must give `acked` exactly (no request overlaps a write in
 * flight). After a crash a block may hold any version from `durable` to `issued`, and what it then holds must stay. */
#ifndef STAMPMODEL_H
#define STAMPMODEL_H

#include <stdbool.h>
#include <stdint.h>

#define STAMP_BLOCK 4096U

struct stamp_state {
	uint32_t durable, acked, issued, flushing;
};

struct stamp_model {
	uint32_t seed;
	uint64_t n_blocks;
	struct stamp_state *state; /* a shared mapping of the state file */
	const uint8_t *image;
	uint64_t image_bytes;
};

/* Open or make the state file. 0 or negative errno. */
int stamp_model_open(struct stamp_model *model, const char *state_path, const char *image_path, uint64_t size_bytes,
                     uint32_t seed);
/* The bytes of a block at a version. */
void stamp_fill(const struct stamp_model *model, uint64_t block, uint32_t version, uint8_t *bytes);
/* Whether the bytes are that block at that version. */
bool stamp_is(const struct stamp_model *model, uint64_t block, uint32_t version, const uint8_t *bytes);
/* Which version from `durable` to `issued` the bytes are; false: none of them. */
bool stamp_find(const struct stamp_model *model, uint64_t block, const uint8_t *bytes, uint32_t *ret_version);
/* A flush begins: what is acked now will be durable when it is answered (stamp_flushed). */
void stamp_flush_begin(struct stamp_model *model);
void stamp_flushed(struct stamp_model *model);

#endif
