/* SPDX-License-Identifier: Apache-2.0 */
/* Disks in memory, for tests: a durable image under a volatile write cache, and every way a disk can go wrong.
 *
 * THEORY. A medium outlives the disks opened on it and is found by name ("mem:NAME"). Reads see the cache; a flush
 * persists the writes completed before it was submitted. memdisk_crash_clone makes, as another medium, one of the
 * states a power cut could leave behind: each write not yet flushed is there, absent, or torn at 512 bytes. The same
 * seed makes the same state.
 * THREADS. The table of names is locked; a medium belongs to one thread at a time. */
#ifndef TESTS_MEMDISK_H
#define TESTS_MEMDISK_H

#include "raid/disk.h"

extern const struct disk_driver memdisk_driver;

/* Each I/O takes a random virtual time up to this, so that they complete in any order; 0 (the default): the next turn.
 * All media. */
void memdisk_set_latency(uint64_t max_ns);
/* Copy what a reader would see now (all caches included) to a new medium. -ENOENT, -EEXIST. */
MUST_CHECK int memdisk_clone(const char *name, const char *new_name);
/* Copy what a power cut now would leave. `new_name` is replaced when there. */
MUST_CHECK int memdisk_crash_clone(const char *name, const char *new_name, uint64_t seed);
/* One chosen state of those: the requests that are not durable, completed ones first, each in the order of its time
 * (memdisk_pending of them), are there, absent, or torn at 512 bytes, as fates[] says. */
enum memdisk_fate { MEMDISK_DROPPED, MEMDISK_APPLIED, MEMDISK_TORN };
MUST_CHECK int memdisk_crash_clone_fates(const char *name, const char *new_name, const uint8_t *fates,
                                         uint64_t tear_seed);
/* Requests to write that have completed but are not flushed, or are in flight. */
unsigned memdisk_pending(const char *name);
/* Requests submitted and completed so far: what may be left changes only when this does. */
uint64_t memdisk_events(const char *name);
/* A number that differs when what is durable does. */
uint64_t memdisk_hash(const char *name);
/* Remove every medium. No disk may be open. */
void memdisk_destroy_all(void);
/* Writes completed or in flight, but not flushed. */
unsigned memdisk_unflushed(const char *name);
/* I/Os submitted since the medium was made. */
uint64_t memdisk_ios(const char *name);

/* Faults. Blocks are of 4096 bytes, by their place on the disk. */
void memdisk_lose(const char *name); /* -ENODEV to everything, until it is found */
void memdisk_find(const char *name);
/* -EIO to reads that touch it; a write heals it */
void memdisk_fail_reads(const char *name, uint64_t block, unsigned times);
/* -EIO to the next flushes; what they should have saved is lost */
void memdisk_fail_flush(const char *name, unsigned times);
void memdisk_fail_writes(const char *name, unsigned times); /* -EIO to the next writes, not written */
/* The host's file system is full: `err` (-ENOSPC, -EDQUOT) to writes of blocks that were never written before, or of
 * any; 0: it has room again. */
void memdisk_host_full(const char *name, int err, bool any_block);
void memdisk_refuse_discard(const char *name); /* -EOPNOTSUPP from now on */
void memdisk_drop_write(const char *name, uint64_t block); /* the next write of it says 0 and is not done */
/* the next write of it lands elsewhere */
void memdisk_misdirect_write(const char *name, uint64_t block, uint64_t to_block);
void memdisk_flip_bit(const char *name, uint64_t block, unsigned bit);
void memdisk_zero(const char *name); /* all bytes zero from now on until written */
uint64_t memdisk_blocks(const char *name);
void memdisk_peek(const char *name, uint64_t block, uint8_t ret_bytes[4096]);
void memdisk_poke(const char *name, uint64_t block, const uint8_t bytes[4096]);

#endif
