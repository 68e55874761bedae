/* SPDX-License-Identifier: Apache-2.0 */
/* After a second disk has gone wrong.
 *
 * THEORY. More is broken than the volume promises to bear: it may refuse to mount, and any read may fail. But a value
 * that is read is one that may be there. What stands in which name is not compared: a change that was answered with an
 * error may have happened or not. */
#include "tests/crash/aftermath.h"

#include <string.h>

#include "base/list.h"
#include "base/page.h"

/* One block of a file: each of its cells, unless the read fails. */
static void block_look(struct history *h, uint8_t index, unsigned first)
{
	const struct object *object = &h->model.objects[index];
	struct page *pages[1];
	struct fs_message msg;

	fs_message_init(&msg, FS_READ, h->machine.vol, NULL, NULL);
	msg.file = object->id;
	msg.in.io = (struct fs_io){ .offset_bytes = model_offset(object->stride, first),
		                    .len_bytes = FS_BLOCK_SIZE,
		                    .n_pages_max = 1,
		                    .pages = pages };
	if (history_ask(h, &h->machine, &msg) != 0) {
		fs_message_fini(&msg);
		return;
	}
	for (unsigned i = 0; i < MODEL_BLOCK_CELLS; i++) {
		size_t offset = (size_t)i * MODEL_CELL_BYTES, n_bytes = 0;
		uint64_t words[MODEL_CELL_BYTES / 8U] = { 0 };

		if (offset < msg.out.io.len_bytes) {
			n_bytes = MIN_OF((size_t)MODEL_CELL_BYTES, msg.out.io.len_bytes - offset);
			memcpy(words, pages[0]->data + offset, n_bytes);
		}
		if (!model_cell_is_whole(first + i, words, n_bytes))
			history_fail(h, FAIL_WRONG, "two bad disks: object %u: cell %u is mixed", index, first + i);
		if (!cell_may_survive(&object->cells[first + i], words[0]))
			history_fail(h, FAIL_WRONG, "two bad disks: object %u (inode %u): cell %u is %llu", index,
			             object->id.inode, first + i, (unsigned long long)words[0]);
	}
	page_put_many(pages, msg.out.io.n_pages);
	fs_message_fini(&msg);
}

static void object_look(struct history *h, uint8_t index)
{
	const struct object *object = &h->model.objects[index];
	struct fs_message msg;
	int err;

	if (object->cells == NULL || !object->known)
		return;
	fs_message_init(&msg, FS_GETATTR, h->machine.vol, NULL, NULL);
	msg.file = object->id;
	err = history_ask(h, &h->machine, &msg);
	if (err == 0 && !cell_may_survive(&object->size, msg.out.attr.size_bytes))
		history_fail(h, FAIL_WRONG, "two bad disks: object %u (inode %u): its size is %llu", index,
		             object->id.inode, (unsigned long long)msg.out.attr.size_bytes);
	fs_message_fini(&msg);
	for (unsigned first = 0; err == 0 && first < MODEL_CELLS; first += MODEL_BLOCK_CELLS)
		block_look(h, index, first);
}

void aftermath_look(struct history *h)
{
	struct fs_message check;
	int err;

	machine_cut(&h->machine, history_draw(h, 1U << 30));
	err = machine_mount(&h->machine);
	history_say(h, "====  two bad disks, power cut, mount: %s", error_name(err));
	h->counts->states++;
	if (err == -ETIMEDOUT)
		history_fail(h, FAIL_STUCK, "two bad disks: the mount does not end");
	if (err != 0)
		return;
	for (unsigned i = 0; i < MODEL_OBJECTS; i++)
		if (h->model.objects[i].kind != OBJECT_FREE)
			object_look(h, (uint8_t)i);
	fs_message_init(&check, FS_CHECK, h->machine.vol, NULL, NULL);
	(void)history_ask(h, &h->machine, &check);
	fs_message_fini(&check);
	(void)machine_unmount(&h->machine);
}
