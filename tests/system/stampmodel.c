/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle: versions of blocks in a mapped file, contents by arithmetic. */
#include "tests/system/stampmodel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x76637374616d7031ULL

struct stamp_head {
	uint64_t magic, block;
	uint32_t seed, version;
};

static int map_file(const char *path, int flags, uint64_t want_bytes, void **ret_map, uint64_t *ret_bytes)
{
	struct stat st;
	int err = 0;
	int fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (want_bytes && ftruncate(fd, (off_t)want_bytes) != 0)
		err = -errno;
	else if (fstat(fd, &st) != 0)
		err = -errno;
	if (!err && st.st_size > 0) {
		int protection = want_bytes ? PROT_READ | PROT_WRITE : PROT_READ;
		*ret_map = mmap(NULL, (size_t)st.st_size, protection, MAP_SHARED, fd, 0);
		*ret_bytes = (uint64_t)st.st_size;
		err = *ret_map == MAP_FAILED ? -errno : 0;
	}
	(void)close(fd);
	return err;
}

int stamp_model_open(struct stamp_model *model, const char *state_path, const char *image_path, uint64_t size_bytes,
                     uint32_t seed)
{
	void *map = NULL;
	uint64_t bytes;
	*model = (struct stamp_model){ .seed = seed, .n_blocks = size_bytes / STAMP_BLOCK };
	int err = map_file(state_path, O_RDWR | O_CREAT, model->n_blocks * sizeof *model->state, &map, &bytes);
	if (err)
		return err;
	model->state = map;
	if (!image_path)
		return 0;
	err = map_file(image_path, O_RDONLY, 0, &map, &model->image_bytes);
	model->image = map;
	return err;
}

static void base_fill(const struct stamp_model *model, uint64_t block, uint8_t *bytes)
{
	uint64_t at = block * STAMP_BLOCK;
	uint64_t n = at < model->image_bytes ? model->image_bytes - at : 0;
	if (n > STAMP_BLOCK)
		n = STAMP_BLOCK;
	if (n)
		memcpy(bytes, model->image + at, n);
	memset(bytes + n, 0, STAMP_BLOCK - n);
}

void stamp_fill(const struct stamp_model *model, uint64_t block, uint32_t version, uint8_t *bytes)
{
	if (version == 0) {
		base_fill(model, block, bytes);
		return;
	}
	struct stamp_head head = { .magic = MAGIC, .block = block, .seed = model->seed, .version = version };
	uint64_t x = block * 0x9e3779b97f4a7c15ULL ^ (uint64_t)version << 32 ^ model->seed ^ 1U;
	for (unsigned at = 0; at < STAMP_BLOCK; at += 8U) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(bytes + at, &x, 8);
	}
	memcpy(bytes, &head, sizeof head);
}

bool stamp_is(const struct stamp_model *model, uint64_t block, uint32_t version, const uint8_t *bytes)
{
	uint8_t want[STAMP_BLOCK];
	stamp_fill(model, block, version, want);
	return memcmp(bytes, want, STAMP_BLOCK) == 0;
}

bool stamp_find(const struct stamp_model *model, uint64_t block, const uint8_t *bytes, uint32_t *ret_version)
{
	const struct stamp_state *state = &model->state[block];
	struct stamp_head head;
	memcpy(&head, bytes, sizeof head);
	uint32_t version = head.magic == MAGIC && head.seed == model->seed && head.block == block ? head.version : 0;
	if (version < state->durable || version > state->issued || !stamp_is(model, block, version, bytes))
		return false;
	*ret_version = version;
	return true;
}

void stamp_flush_begin(struct stamp_model *model)
{
	for (uint64_t i = 0; i < model->n_blocks; i++)
		model->state[i].flushing = model->state[i].acked;
}

void stamp_flushed(struct stamp_model *model)
{
	for (uint64_t i = 0; i < model->n_blocks; i++)
		model->state[i].durable = model->state[i].flushing;
}
