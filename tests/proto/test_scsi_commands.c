/* SPDX-License-Identifier: Apache-2.0 */
/* Commands through a whole session: allocation lengths, ranges, zeroing, errors, cache settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "tests/base/cmocka_all.h"

#include "proto/scsi/scsi_spec.h"
#include "tests/proto/iscsi_raw.h"
#include "tests/support/ramlun.h"

static struct raw *raw;

static int setup(void **state)
{
	(void)state;
	raw_setup();
	raw = raw_connect();
	assert_int_equal(raw_login(raw, NULL, 0), 0);
	raw_settle(raw, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	raw_close(raw);
	raw_teardown();
	return 0;
}

static const struct {
	uint8_t cdb[16];
	unsigned cdb_len, length_at, length_bytes, expected; /* `expected`: the whole answer; 0: at least 8 */
} tellers[] = {
	{ { OP_INQUIRY }, 6, 3, 2, 96 },
	{ { OP_INQUIRY, 1, 0x00 }, 6, 3, 2, 10 },
	{ { OP_INQUIRY, 1, 0x80 }, 6, 3, 2, 24 },
	{ { OP_INQUIRY, 1, 0x83 }, 6, 3, 2, 0 },
	{ { OP_INQUIRY, 1, 0xB0 }, 6, 3, 2, 64 },
	{ { OP_INQUIRY, 1, 0xB1 }, 6, 3, 2, 64 },
	{ { OP_INQUIRY, 1, 0xB2 }, 6, 3, 2, 8 },
	{ { OP_REQUEST_SENSE }, 6, 4, 1, 18 },
	{ { OP_REQUEST_SENSE, 1 }, 6, 4, 1, 8 },
	{ { OP_MODE_SENSE_6, 0, 0x3F }, 6, 4, 1, 44 },
	{ { OP_MODE_SENSE_6, 8, 0x08 }, 6, 4, 1, 24 },
	{ { OP_MODE_SENSE_6, 8, 0x4A }, 6, 4, 1, 16 },
	{ { OP_MODE_SENSE_10, 0, 0xBF, 0xFF }, 10, 7, 2, 72 },
	{ { OP_MODE_SENSE_10, 0x10, 0x3F }, 10, 7, 2, 56 },
	{ { OP_REPORT_LUNS }, 12, 6, 4, 24 },
	{ { OP_REPORT_LUNS, 0, 1 }, 12, 6, 4, 8 },
	{ { OP_SERVICE_ACTION_IN_16, SA_READ_CAPACITY_16 }, 16, 10, 4, 32 },
	{ { OP_SERVICE_ACTION_IN_16, SA_GET_LBA_STATUS }, 16, 10, 4, 0 },
	{ { OP_MAINTENANCE_IN, SA_REPORT_SUPPORTED_OPCODES }, 12, 6, 4, 0 },
	{ { OP_MAINTENANCE_IN, SA_REPORT_SUPPORTED_OPCODES, 0x81, OP_READ_10 }, 12, 6, 4, 26 },
};

/* Whatever the allocation length, the answer is the beginning of the whole one: no byte of an earlier command, and none
 * too many. */
static void answers_are_cut_to_every_allocation_length(void **state)
{
	static uint8_t whole[4096];

	(void)state;
	for (size_t i = 0; i < sizeof tellers / sizeof tellers[0]; i++) {
		uint8_t cdb[16];
		unsigned all, max = tellers[i].length_bytes == 1 ? 255 : 4096;

		for (int length = (int)max, first = 1; length >= 0;
		     length = first ? (int)all + 1 : length - 1, first = 0) {
			memcpy(cdb, tellers[i].cdb, sizeof cdb);
			cdb[tellers[i].length_at + tellers[i].length_bytes - 1] = (uint8_t)length;
			if (tellers[i].length_bytes > 1)
				cdb[tellers[i].length_at + tellers[i].length_bytes - 2] = (uint8_t)(length >> 8);
			assert_int_equal(raw_scsi(raw, 0, cdb, tellers[i].cdb_len, 4096, NULL, 0), 0);
			if (first) {
				all = raw->data_len;
				assert_true(tellers[i].expected == 0 ? all > 8 : all == tellers[i].expected);
				memcpy(whole, raw->data, all);
			}
			assert_int_equal(raw->data_len, (unsigned)length < all ? (unsigned)length : all);
			assert_memory_equal(raw->data, whole, raw->data_len);
			assert_int_equal(be32_get(raw->bhs.residual), 4096 - raw->data_len);
		}
	}
}

/* The designator of this type in the last answer, `len` bytes; it must be there once. */
static const uint8_t *designator_of(uint8_t type, unsigned len)
{
	const uint8_t *found = NULL;

	for (unsigned at = 4; at + 4 <= raw->data_len; at += 4U + raw->data[at + 3]) {
		if ((raw->data[at + 1] & 0x3FU) != type)
			continue;
		assert_null(found);
		assert_int_equal(raw->data[at + 3], len);
		found = raw->data + at + 4;
	}
	assert_non_null(found);
	return found;
}

/* NAA 6 of 16 bytes, made from the LUN's UUID: another for every LUN, the same at every login. */
static void a_lun_is_known_by_its_uuid(void **state)
{
	static const uint8_t cdb[6] = { OP_INQUIRY, 1, 0x83, 1, 0 };
	uint8_t naa[3][16];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint8_t uuid[18];

		if (i == 2) {
			raw_close(raw);
			raw = raw_connect();
			assert_int_equal(raw_login(raw, NULL, 0), 0);
			raw_settle(raw, 0);
		}
		assert_int_equal(raw_scsi(raw, i == 1, cdb, 6, 256, NULL, 0), 0);
		memcpy(uuid, designator_of(10, 18), sizeof uuid);
		memcpy(naa[i], designator_of(3, 16), 16);
		assert_memory_equal(naa[i] + 4, uuid + 2 + 4, 12);
		assert_int_equal(naa[i][3] & 0xF, uuid[2 + 3] & 0xF);
		assert_true(naa[i][0] == 0x60 && naa[i][1] == 0x25 && naa[i][2] == 0x64 && naa[i][3] >> 4 == 3);
	}
	assert_memory_not_equal(naa[0], naa[1], 16);
	assert_memory_equal(naa[0], naa[2], 16);
}

static int io(uint8_t code, uint64_t lba, uint32_t blocks, uint8_t byte1, const void *out, uint32_t out_len,
              uint32_t in_len)
{
	uint8_t cdb[16] = { code, byte1 };
	be32 high = be32_of((uint32_t)(lba >> 32)), low = be32_of((uint32_t)lba), count = be32_of(blocks);
	bool sixteen = code >> 5 == 4;

	if (sixteen) {
		memcpy(cdb + 2, &high, 4);
		memcpy(cdb + 6, &low, 4);
		memcpy(cdb + 10, &count, 4);
	} else {
		memcpy(cdb + 2, &low, 4);
		cdb[7] = (uint8_t)(blocks >> 8);
		cdb[8] = (uint8_t)blocks;
	}
	return raw_scsi(raw, 0, cdb, sixteen ? 16 : 10, in_len, out, out_len);
}

static void ranges_end_where_the_lun_ends(void **state)
{
	static const uint8_t codes[] = { OP_READ_16,     OP_WRITE_16,       OP_VERIFY_16, OP_SYNCHRONIZE_CACHE_16,
		                         OP_PREFETCH_16, OP_WRITE_VERIFY_16 };
	const uint64_t end = 32768;

	(void)state;
	for (size_t i = 0; i < sizeof codes; i++) {
		assert_int_equal(io(codes[i], end, 1, 0, NULL, 0, 0), SCSI_CHECK_CONDITION);
		assert_int_equal(raw_sense(raw), 0x52100);
		assert_int_equal(io(codes[i], end - 1, 2, 0, NULL, 0, 0), SCSI_CHECK_CONDITION);
		assert_int_equal(raw_sense(raw), 0x52100);
		assert_int_equal(io(codes[i], UINT64_MAX, 1, 0, NULL, 0, 0), SCSI_CHECK_CONDITION);
		assert_int_equal(raw_sense(raw), 0x52100);
		assert_int_equal(io(codes[i], UINT64_MAX, UINT32_MAX, 0, NULL, 0, 0), SCSI_CHECK_CONDITION);
		assert_int_equal(raw_sense(raw), 0x52100);
		assert_int_equal(io(codes[i], end, 0, 0, NULL, 0, 0), 0);
	}
	assert_int_equal(io(OP_READ_16, 0, 1, 0x20, NULL, 0, 512), SCSI_CHECK_CONDITION); /* RDPROTECT */
	assert_int_equal(raw_sense(raw), 0x52400);
}

/* What was expected is less than the command writes, or more: whole blocks of it are written, or nothing, and the
 * residual says how much. */
static void expected_lengths_and_transfer_lengths_may_differ(void **state)
{
	static const uint8_t codes[] = { OP_WRITE_10, OP_WRITE_16, OP_WRITE_VERIFY_10, OP_WRITE_VERIFY_16 };
	static const struct {
		uint32_t blocks, expected;
		int status;
		uint32_t residual, written;
	} rows[] = {
		{ 1, 512, 0, 0, 512 },
		{ 1, 200, SCSI_CHECK_CONDITION, 312, 0 },
		{ 2, 512, 0, 512, 512 },
		{ 2, 700, SCSI_CHECK_CONDITION, 324, 0 },
		{ 1, 700, 0, 188, 512 },
		{ 1, 1024, 0, 512, 512 },
		{ 16, 4100, SCSI_CHECK_CONDITION, 4092, 0 },
	};
	static const uint8_t long_write[16] = { OP_WRITE_10, 0, 0, 0, 0, 0, 0, 0, 200 };
	uint8_t data[16 * 512], back[16 * 512], before[16 * 512];

	(void)state;
	memset(data, 0xB, sizeof data);
	memset(before, 0xA, sizeof before);
	for (size_t c = 0; c < sizeof codes; c++) {
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			assert_int_equal(io(OP_WRITE_10, 0, 16, 0, before, sizeof before, 0), 0);
			assert_int_equal(io(codes[c], 0, rows[i].blocks, 0, data, rows[i].expected, 0), rows[i].status);
			assert_int_equal(be32_get(raw->bhs.residual), rows[i].residual);
			assert_int_equal(raw->bhs.flags & (ISCSI_RESIDUAL_OVERFLOW | ISCSI_RESIDUAL_UNDERFLOW),
			                 rows[i].residual == 0                     ? 0
			                 : rows[i].expected < rows[i].blocks * 512 ? ISCSI_RESIDUAL_OVERFLOW
			                                                           : ISCSI_RESIDUAL_UNDERFLOW);
			if (rows[i].status != 0)
				assert_int_equal(raw_sense(raw), 0x50E03);
			ramlun_peek(0, 0, back, sizeof back);
			assert_memory_equal(back, data, rows[i].written);
			assert_memory_equal(back + rows[i].written, before, sizeof before - rows[i].written);
		}
	}
	(void)raw_command(raw, 0, long_write, sizeof long_write, 0xA1, 65540, NULL, 0);
	assert_true(raw_recv(raw, 5000));
	assert_int_equal(raw->bhs.opcode, ISCSI_SCSI_RESPONSE); /* and not asked for */
	assert_int_equal(be32_get(raw->bhs.residual), 200 * 512 - 65540);
}

/* LBA and number of blocks of descriptor `i`, and whether it is deallocated. */
static bool lba_status(unsigned i, uint64_t lba, uint32_t blocks)
{
	be64 l = be64_of(lba);
	be32 b = be32_of(blocks);

	assert_memory_equal(raw->data + 8 + 16 * i, &l, 8);
	assert_memory_equal(raw->data + 16 + 16 * i, &b, 4);
	assert_in_range(raw->data[20 + 16 * i], 0, 1);
	return raw->data[20 + 16 * i] == 1;
}

static void lba_status_tells_holes(void **state)
{
	static uint8_t data[8192];
	uint8_t cdb[16] = { OP_SERVICE_ACTION_IN_16, SA_GET_LBA_STATUS, [13] = 255 };
	be32 length;

	(void)state;
	assert_int_equal(io(OP_WRITE_SAME_16, 0, 256, 0x09, NULL, 0, 0), 0); /* UNMAP, NDOB */
	assert_int_equal(io(OP_WRITE_10, 16, 16, 0, data, sizeof data, 0), 0);
	assert_int_equal(raw_scsi(raw, 0, cdb, 16, 255, NULL, 0), 0);
	memcpy(&length, raw->data, 4);
	assert_true(be32_get(length) >= 4 + 3 * 16);
	assert_true(lba_status(0, 0, 16));
	assert_false(lba_status(1, 16, 16));
	cdb[9] = 20; /* in the middle of what is mapped */
	assert_int_equal(raw_scsi(raw, 0, cdb, 16, 255, NULL, 0), 0);
	assert_false(lba_status(0, 20, 12));
	ramlun_fail_next(FS_EXTENTS, -EIO);
	assert_int_equal(raw_scsi(raw, 0, cdb, 16, 255, NULL, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x31100);
}

static int unmap(const uint8_t *list, uint32_t len)
{
	uint8_t cdb[10] = { OP_UNMAP, 0, 0, 0, 0, 0, 0, (uint8_t)(len >> 8), (uint8_t)len };

	return raw_scsi(raw, 0, cdb, 10, 0, list, len);
}

static void unmap_list(uint8_t *list, unsigned n, uint64_t lba, uint32_t blocks)
{
	be16 all = be16_of((uint16_t)(n * 16 + 6)), descriptors = be16_of((uint16_t)(n * 16));
	be64 l = be64_of(lba);
	be32 b = be32_of(blocks);

	memset(list, 0, 8 + n * 16);
	memcpy(list, &all, 2);
	memcpy(list + 2, &descriptors, 2);
	for (unsigned i = 0; i < n; i++) {
		memcpy(list + 8 + i * 16, &l, 8);
		memcpy(list + 16 + i * 16, &b, 4);
	}
}

static void unmap_zeroes_what_it_names_and_nothing_when_any_of_it_is_wrong(void **state)
{
	uint8_t list[4096], data[8192], back[8192];
	unsigned zeros;

	(void)state;
	memset(data, 0x77, sizeof data);
	assert_int_equal(io(OP_WRITE_10, 100, 16, 0, data, sizeof data, 0), 0);
	unmap_list(list, 2, 101, 3);
	memcpy(list + 24 + 4, "\xFF\xFF\xFF\xFF", 4); /* the second descriptor is out of range */
	zeros = ramlun_seen.zeros;
	assert_int_equal(unmap(list, 40), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x52100);
	assert_int_equal(ramlun_seen.zeros, zeros);
	unmap_list(list, 129, 101, 1);
	assert_int_equal(unmap(list, 8 + 129 * 16), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x52600);
	assert_int_equal(unmap(list, 7), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x51A00);
	assert_int_equal(unmap(list, 0), 0);
	unmap_list(list, 1, 101, 0);
	assert_int_equal(unmap(list, 24), 0);
	assert_int_equal(ramlun_seen.zeros, zeros);
	unmap_list(list, 1, 101, 3);
	assert_int_equal(unmap(list, 24), 0);
	memset(data + 512, 0, 3 * 512);
	ramlun_peek(0, 100 * 512, back, sizeof back);
	assert_memory_equal(back, data, sizeof back);
}

static void write_same_repeats_the_block_or_zeroes(void **state)
{
	uint8_t block[512], back[512];

	(void)state;
	memset(block, 0x42, sizeof block);
	assert_int_equal(io(OP_WRITE_SAME_16, 3, 5000, 0, block, 512, 0), 0);
	for (uint64_t b = 3; b < 5003; b += 833) {
		ramlun_peek(0, b * 512, back, 512);
		assert_memory_equal(back, block, 512);
	}
	ramlun_peek(0, 5003 * 512, back, 512);
	assert_int_equal(back[0], 0);
	assert_int_equal(io(OP_WRITE_SAME_16, 3, 4999, 0x01, NULL, 0, 0), 0); /* NDOB */
	ramlun_peek(0, 5001 * 512, back, 512);
	assert_int_equal(back[0], 0);
	ramlun_peek(0, 5002 * 512, back, 512);
	assert_int_equal(back[0], 0x42);
	assert_int_equal(io(OP_WRITE_SAME_10, 3, 0, 0, block, 512, 0), SCSI_CHECK_CONDITION); /* WSNZ */
	assert_int_equal(io(OP_WRITE_SAME_10, 3, 1, 0x10, block, 512, 0), SCSI_CHECK_CONDITION); /* ANCHOR */
	assert_int_equal(io(OP_WRITE_SAME_16, 0, 0x20001, 0, block, 512, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(io(OP_WRITE_SAME_16, 32768, 1, 0, block, 512, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x52100);
}

static void errors_of_the_file_system_reach_the_initiator(void **state)
{
	uint8_t data[4096] = { 0 };

	(void)state;
	ramlun_fail_next(FS_READ, -EIO);
	assert_int_equal(io(OP_READ_10, 0, 8, 0, NULL, 0, 4096), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x31100);
	ramlun_fail_next(FS_WRITE, -ENOSPC);
	assert_int_equal(io(OP_WRITE_10, 0, 8, 0, data, 4096, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x72707);
	ramlun_fail_next(FS_WRITE, -FS_EJUKEBOX);
	assert_int_equal(io(OP_WRITE_10, 0, 8, 0, data, 4096, 0), SCSI_BUSY);
	ramlun_fail_next(FS_COMMIT, -EIO);
	assert_int_equal(io(OP_SYNCHRONIZE_CACHE_10, 0, 0, 0, NULL, 0, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(io(OP_WRITE_10, 0, 8, 0, data, 4096, 0), 0);
	ramlun_lose(); /* what was written and not flushed is gone: the flush says so, once */
	assert_int_equal(io(OP_SYNCHRONIZE_CACHE_10, 0, 0, 0, NULL, 0, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x30C00);
	assert_int_equal(io(OP_SYNCHRONIZE_CACHE_10, 0, 0, 0, NULL, 0, 0), 0);
}

static void a_thin_lun_tells_of_its_threshold(void **state)
{
	static const uint8_t sense[16] = { OP_MODE_SENSE_10, 0x08, 0x1C, 0x02, 0, 0, 0, 0x10, 0 };
	static const uint8_t provisioning[16] = { OP_INQUIRY, 1, 0xB2, 0, 255 };
	uint8_t page[24];
	be32 n_sets;

	(void)state;
	assert_int_equal(raw_scsi(raw, 0, provisioning, 6, 255, NULL, 0), 0);
	assert_int_equal(raw->data[4], 11); /* thresholds are counted in sets of 2^11 blocks */
	assert_int_equal(raw->data[6], 2); /* thin */
	assert_int_equal(raw_scsi(raw, 0, sense, 10, 4096, NULL, 0), 0);
	assert_int_equal(raw->data_len, 8 + 24);
	memcpy(page, raw->data + 8, sizeof page);
	assert_int_equal(page[0], 0x5C);
	assert_int_equal(page[1], 0x02);
	assert_int_equal(page[3], 20);
	assert_int_equal(page[16], 0x81);
	memcpy(&n_sets, page + 20, sizeof n_sets);
	assert_int_equal(be32_get(n_sets), 1024); /* 1 GiB */
	ramlun_space_warn();
	assert_int_equal(io(OP_READ_10, 0, 8, 0, NULL, 0, 4096), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x63807);
	assert_int_equal(io(OP_READ_10, 0, 8, 0, NULL, 0, 4096), 0);
}

static void fua_and_a_write_cache_turned_off_make_writes_durable(void **state)
{
	uint8_t select[6] = { OP_MODE_SELECT_6, 0x10, 0, 0, 24 }, page[24] = { 0, 0, 0, 0, 0x08, 0x12 },
	        data[512] = { 0 };
	unsigned durable = ramlun_seen.durable_writes, commits = ramlun_seen.commits;

	(void)state;
	assert_int_equal(io(OP_WRITE_10, 0, 1, 0, data, 512, 0), 0);
	assert_int_equal(ramlun_seen.durable_writes, durable);
	assert_int_equal(io(OP_WRITE_10, 0, 1, 0x08, data, 512, 0), 0);
	assert_int_equal(ramlun_seen.durable_writes, durable + 1);
	assert_int_equal(raw_scsi(raw, 0, select, 6, 0, page, 24), 0);
	assert_int_equal(ramlun_seen.commits, commits + 1);
	assert_int_equal(io(OP_WRITE_10, 0, 1, 0, data, 512, 0), 0); /* and no unit attention for who set it */
	assert_int_equal(ramlun_seen.durable_writes, durable + 2);
	page[6] = 0x04;
	page[7] = 0x01; /* a bit that cannot be changed */
	assert_int_equal(raw_scsi(raw, 0, select, 6, 0, page, 24), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x52600);
	page[7] = 0;
	assert_int_equal(raw_scsi(raw, 0, select, 6, 0, page, 24), 0);
	assert_int_equal(io(OP_WRITE_10, 0, 1, 0, data, 512, 0), 0);
	assert_int_equal(ramlun_seen.durable_writes, durable + 2);
}

static void verify_compares_and_tells_a_difference(void **state)
{
	static uint8_t data[65536];

	(void)state;
	memset(data, 0x19, sizeof data);
	assert_int_equal(io(OP_WRITE_10, 7, 128, 0, data, sizeof data, 0), 0);
	assert_int_equal(io(OP_VERIFY_10, 7, 128, 0x02, data, sizeof data, 0), 0);
	data[65535] = 0;
	assert_int_equal(io(OP_VERIFY_10, 7, 128, 0x02, data, sizeof data, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0xE1D00);
	ramlun_fail_next(FS_READ, -EIO);
	assert_int_equal(io(OP_VERIFY_10, 7, 128, 0x02, data, sizeof data, 0), SCSI_CHECK_CONDITION);
	/* the whole LUN, and more than one connection may read at a time */
	assert_int_equal(io(OP_PREFETCH_10, 0, 0, 0, NULL, 0, 0), 0);
}

static void changes_of_the_map_are_noticed(void **state)
{
	static const uint8_t ready[6] = { 0 };

	(void)state;
	raw_map(8U << 20, 2, true);
	assert_int_equal(raw_scsi(raw, 0, ready, 6, 0, NULL, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x62A09);
	assert_int_equal(io(OP_READ_16, 16384, 1, 0, NULL, 0, 512), SCSI_CHECK_CONDITION);
	raw_map(16U << 20, 1, true);
	assert_int_equal(raw_scsi(raw, 0, ready, 6, 0, NULL, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x63F0E);
	assert_int_equal(raw_scsi(raw, 0, ready, 6, 0, NULL, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x62A09);
	assert_int_equal(raw_scsi(raw, 0, ready, 6, 0, NULL, 0), 0);
	raw_map(16U << 20, 2, true);
	raw_settle(raw, 0);
}

static void a_lun_offline_or_unmapped_is_told_apart(void **state)
{
	static const uint8_t ready[6] = { 0 }, inquiry[6] = { OP_INQUIRY, 0, 0, 0, 96 };

	(void)state;
	raw_map(16U << 20, 1, false);
	while (raw_scsi(raw, 0, ready, 6, 0, NULL, 0) == SCSI_CHECK_CONDITION &&
	       raw_sense(raw) >> 16 == SCSI_UNIT_ATTENTION)
		;
	assert_int_equal(raw_sense(raw), 0x20403);
	assert_int_equal(raw_scsi(raw, 0, inquiry, 6, 96, NULL, 0), 0);
	assert_int_equal(raw->data[0], 0);
	assert_int_equal(raw_scsi(raw, 1, ready, 6, 0, NULL, 0), SCSI_CHECK_CONDITION);
	assert_int_equal(raw_sense(raw), 0x52500);
	assert_int_equal(raw_scsi(raw, 1, inquiry, 6, 96, NULL, 0), 0);
	assert_int_equal(raw->data[0], 0x7F);
	raw_map(16U << 20, 2, true);
	raw_settle(raw, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_cut_to_every_allocation_length),
		cmocka_unit_test(a_lun_is_known_by_its_uuid),
		cmocka_unit_test(expected_lengths_and_transfer_lengths_may_differ),
		cmocka_unit_test(ranges_end_where_the_lun_ends),
		cmocka_unit_test(lba_status_tells_holes),
		cmocka_unit_test(unmap_zeroes_what_it_names_and_nothing_when_any_of_it_is_wrong),
		cmocka_unit_test(write_same_repeats_the_block_or_zeroes),
		cmocka_unit_test(errors_of_the_file_system_reach_the_initiator),
		cmocka_unit_test(a_thin_lun_tells_of_its_threshold),
		cmocka_unit_test(fua_and_a_write_cache_turned_off_make_writes_durable),
		cmocka_unit_test(verify_compares_and_tells_a_difference),
		cmocka_unit_test(changes_of_the_map_are_noticed),
		cmocka_unit_test(a_lun_offline_or_unmapped_is_told_apart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
