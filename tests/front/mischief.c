/* SPDX-License-Identifier: Apache-2.0 */
/* The faults of a history: how each begins and ends, and what it excuses. */
#include "tests/front/mischief.h"

#include <stdio.h>
#include <string.h>

#include "base/page.h"
#include "tests/support/allocfail.h"

#define LOST_BLOCKS 64U /* of data, at most */

const char *const fault_names[FAULT_COUNT] = {
	[FAULT_NONE] = "none",
	[FAULT_SLOW] = "slow client",
	[FAULT_CUT_MARK] = "cut in mark",
	[FAULT_CUT_HEAD] = "cut in head",
	[FAULT_CUT_ARGUMENTS] = "cut in args",
	[FAULT_CUT_PAYLOAD] = "cut in payload",
	[FAULT_CUT_REPLY] = "cut in reply",
	[FAULT_POWER] = "power cut",
	[FAULT_READ_ERRORS] = "read errors",
	[FAULT_WRITE_ERRORS] = "write errors",
	[FAULT_FLUSH_ERRORS] = "flush errors",
	[FAULT_DISK_LOST] = "disk lost",
	[FAULT_BLOCK_LOST] = "block lost",
	[FAULT_DISKS_LOST] = "disks lost",
	[FAULT_FULL] = "volume full",
	[FAULT_NO_PAGES] = "no pages",
	[FAULT_NO_MEMORY] = "memory refused",
	[FAULT_REPLY_LOST] = "reply lost",
	[FAULT_POWER_AGAIN] = "sent after cut",
};

static const char *medium(const struct front *front, unsigned disk)
{
	return machine_medium(&front->stage.machine, disk);
}

static unsigned any_disk(struct front *front)
{
	return (unsigned)front_draw(front, STAGE_DISKS);
}

/* Blocks of data are one word, again and again, and no metadata is. */
static bool is_data(const uint8_t bytes[4096])
{
	uint64_t word, other;

	memcpy(&word, bytes, sizeof word);
	if (word == 0 || word >= 1U << 20)
		return false;
	for (unsigned i = 1; i < 512; i++) {
		memcpy(&other, bytes + i * 8U, sizeof other);
		if (other != word)
			return false;
	}
	return true;
}

/* Blocks of data that can neither be read nor be computed from the others of their stripes. */
static void lose_blocks(struct front *front)
{
	unsigned share = 1U + (unsigned)front_draw(front, 4);
	uint8_t bytes[4096];

	for (unsigned disk = 0; disk + 1U < STAGE_DISKS; disk++) {
		for (uint64_t block = 0; block < STAGE_BLOCKS; block++) {
			memdisk_peek(medium(front, disk), block, bytes);
			if (!is_data(bytes) || front_draw(front, share) != 0)
				continue;
			memdisk_fail_reads(medium(front, disk), block, 1000);
			memdisk_fail_reads(medium(front, STAGE_DISKS - 1U), block, 1000);
		}
	}
}

static void read_errors(struct front *front)
{
	unsigned disk = any_disk(front);

	for (uint64_t block = 0; block < STAGE_BLOCKS; block++)
		if (front_draw(front, 3) == 0)
			memdisk_fail_reads(medium(front, disk), block, 1000);
}

static void lose_disks(struct front *front)
{
	unsigned spared = (unsigned)front_draw(front, 2 * STAGE_DISKS); /* often nobody */

	for (unsigned disk = 0; disk < STAGE_DISKS; disk++)
		if (disk != spared)
			memdisk_lose(medium(front, disk));
}

/* ---- space: a LUN that has nearly all of it promised ---- */

static uint64_t space_left(struct front *front)
{
	struct fs_message msg;
	uint64_t left;

	fs_message_init(&msg, FS_VOLUME_STAT, front->stage.machine.vol, NULL, NULL);
	vc_assert(machine_send(&front->stage.machine, &msg) && msg.status == 0);
	left = msg.out.volume->free_bytes;
	fs_message_fini(&msg);
	return left;
}

#define FILLER_LUN "/filler"
#define FILLER_FILE "filling"

static int filler_send(struct front *front, enum fs_op op, uint64_t size_bytes)
{
	struct fs_message msg;

	fs_message_init(&msg, op, front->stage.machine.vol, NULL, NULL);
	msg.in.path = FILLER_LUN;
	msg.in.vdisk.size_bytes = size_bytes;
	msg.in.vdisk.reserve = msg.in.vdisk.force = true;
	vc_assert(machine_send(&front->stage.machine, &msg));
	fs_message_fini(&msg);
	return msg.status;
}

static int file_send(struct front *front, enum fs_op op, struct fs_file_id *file)
{
	struct fs_message msg;

	fs_message_init(&msg, op, front->stage.machine.vol, NULL, NULL);
	msg.file = *file;
	msg.in.name = FILLER_FILE;
	msg.in.name_len = sizeof FILLER_FILE - 1U;
	vc_assert(machine_send(&front->stage.machine, &msg));
	if (msg.status == 0 && op != FS_REMOVE)
		*file = msg.out.attr.id;
	fs_message_fini(&msg);
	return msg.status;
}

static int block_write(struct front *front, struct fs_file_id file, uint64_t offset)
{
	struct page *page = page_alloc_zero();
	struct fs_message msg;

	vc_assert(page != NULL);
	fs_message_init(&msg, FS_WRITE, front->stage.machine.vol, NULL, NULL);
	msg.file = file;
	msg.in.io = (struct fs_io){
		.offset_bytes = offset, .len_bytes = FS_BLOCK_SIZE, .n_pages = 1, .n_pages_max = 1, .pages = &page
	};
	vc_assert(machine_send(&front->stage.machine, &msg));
	page_put(page);
	return msg.status;
}

static const struct fs_file_id root = { 0, FS_INO_ROOT, 1 };

/* A LUN has nearly all of it promised, a file takes the rest. */
static void take_space(struct front *front)
{
	uint64_t size = space_left(front) & ~(uint64_t)(FS_BLOCK_SIZE - 1U);
	struct fs_file_id file = root;

	while (filler_send(front, FS_VDISK_CREATE, size) != 0)
		size -= 16 * FS_BLOCK_SIZE;
	vc_assert(file_send(front, FS_CREATE, &file) == 0);
	for (size = 0; block_write(front, file, size) == 0; size += FS_BLOCK_SIZE)
		;
	front_say(front, "%llu bytes left", (unsigned long long)space_left(front));
}

static void give_space_back(struct front *front)
{
	struct fs_file_id dir = root;

	vc_assert(file_send(front, FS_REMOVE, &dir) == 0 && filler_send(front, FS_VDISK_DESTROY, 0) == 0);
}

/* ---- memory ---- */

static struct page *hoard; /* chained through their bytes */

static void take_pages(struct front *front)
{
	unsigned spare = (unsigned)front_draw(front, 3);
	struct page *page, *kept = NULL;

	(void)kept;
	while ((page = page_alloc()) != NULL) {
		memcpy(page->data, &hoard, sizeof hoard);
		hoard = page;
	}
	for (; spare > 0 && hoard != NULL; spare--) {
		page = hoard;
		memcpy(&hoard, page->data, sizeof hoard);
		page_put(page);
	}
}

static void give_pages_back(void)
{
	while (hoard != NULL) {
		struct page *page = hoard;

		memcpy(&hoard, page->data, sizeof hoard);
		page_put(page);
	}
}

static void refuse_allocations(struct front *front)
{
	uint64_t nth = 1U + front_draw(front, 1ULL << front_draw(front, 7));

	if (front_draw(front, 3) == 0)
		allocfail_from(nth);
	else
		allocfail_once(nth);
}

/* ---- all of them ---- */

void fault_begin(struct front *front)
{
	front->fault_active = true;
	front_say(front, "---- %s", fault_names[front->fault]);
	switch (front->fault) {
	case FAULT_READ_ERRORS: read_errors(front); break;
	case FAULT_WRITE_ERRORS:
		memdisk_fail_writes(medium(front, any_disk(front)), 1 + (unsigned)front_draw(front, 3));
		break;
	case FAULT_FLUSH_ERRORS: memdisk_fail_flush(medium(front, any_disk(front)), 1); break;
	case FAULT_DISK_LOST: memdisk_lose(medium(front, any_disk(front))); break;
	case FAULT_BLOCK_LOST: lose_blocks(front); break;
	case FAULT_DISKS_LOST: lose_disks(front); break;
	case FAULT_FULL: take_space(front); break;
	case FAULT_NO_PAGES: take_pages(front); break;
	case FAULT_NO_MEMORY: refuse_allocations(front); break;
	default: break;
	}
}

void fault_end(struct front *front)
{
	if (front->fault == FAULT_FULL)
		give_space_back(front);
	if (front->fault == FAULT_NO_PAGES)
		give_pages_back();
	if (front->fault == FAULT_NO_MEMORY)
		allocfail_stop();
	if (front->fault != FAULT_BLOCK_LOST && front->fault != FAULT_DISKS_LOST)
		front->fault_active = false;
	front_say(front, "---- over");
}

bool front_excuses(const struct front *front, enum excuse excuse)
{
	if (!front->fault_active)
		return false;
	switch (excuse) {
	case EXCUSE_IO: return front->fault == FAULT_BLOCK_LOST || front->fault == FAULT_DISKS_LOST;
	case EXCUSE_SPACE: return front->fault == FAULT_FULL;
	case EXCUSE_MEMORY: return front->fault == FAULT_NO_PAGES || front->fault == FAULT_NO_MEMORY;
	}
	return false;
}
